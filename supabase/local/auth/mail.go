package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"math/big"
	"net/url"
)

// Kinds of mail, which are the types that a link is verified with, but for the nonce of a reauthentication, which has no link.
const (
	kindSignup           = "signup"
	kindInvite           = "invite"
	kindMagicLink        = "magiclink"
	kindRecovery         = "recovery"
	kindEmailChange      = "email_change"
	kindEmail            = "email" // signup or magiclink, whichever there is
	kindReauthentication = "reauthentication"
)

// Mail is what a user is to get. There are no templates: who sends it decides what is around it.
type Mail struct {
	To        string // address
	Kind      string // signup, invite, magiclink, recovery, email_change or reauthentication
	Link      string // to be opened in a browser; empty for a reauthentication
	OTP       string // six digits, good for the same
	TokenHash string // what POST /verify takes as token_hash
}

// Mailer sends mails. An error refuses the request that wanted one.
type Mailer interface {
	Send(ctx context.Context, mail Mail) error
}

// logMailer is the development stack's mailbox: one line a mail.
type logMailer struct{ log *slog.Logger }

func (m logMailer) Send(ctx context.Context, mail Mail) error {
	m.log.InfoContext(ctx, "mail", "to", mail.To, "kind", mail.Kind, "link", mail.Link, "otp", mail.OTP)
	return nil
}

// link is what a mail leads to. Source: supabase/auth internal/mailer, getPath.
func (s *Server) link(tokenHash, kind, redirectTo string) string {
	return s.cfg.Issuer + "/verify?token=" + url.QueryEscape(tokenHash) + "&type=" + kind + "&redirect_to=" + url.QueryEscape(redirectTo)
}

// newOTP is six random digits.
func newOTP() string {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("auth: " + err.Error()) // crypto/rand never fails
	}
	return fmt.Sprintf("%06d", n)
}

// hashOTP is how a one-time password is kept. Source: supabase/auth internal/crypto, GenerateTokenHash.
func hashOTP(address, otp string) string {
	sum := sha256.Sum224([]byte(address + otp))
	return hex.EncodeToString(sum[:])
}
