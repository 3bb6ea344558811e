package auth

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// One-time tokens are rows of auth.one_time_tokens; auth.users has them once more, where people's SQL looks for them. A user has at most one
// of a type.
const (
	tokenConfirmation     = "confirmation_token"
	tokenRecovery         = "recovery_token"
	tokenReauthentication = "reauthentication_token"
	tokenChangeNew        = "email_change_token_new"
	tokenChangeCurrent    = "email_change_token_current"
)

// sentColumns says in which column of auth.users the time of a token's mail is.
var sentColumns = map[string]string{
	tokenConfirmation: "confirmation_sent_at", tokenRecovery: "recovery_sent_at", tokenReauthentication: "reauthentication_sent_at",
	tokenChangeNew: "email_change_sent_at", tokenChangeCurrent: "email_change_sent_at",
}

// pkcePrefix marks a token whose link gives out a code instead of a session.
const pkcePrefix = "pkce_"

// oneTimeToken is a row of auth.one_time_tokens.
type oneTimeToken struct {
	userID    uuid.UUID
	kind      string // one of the types above
	hash      string
	createdAt time.Time
}

var errNoOneTimeToken = errors.New("auth: no such one-time token")

// pkce says whether the token belongs to a flow with a code.
func (t oneTimeToken) pkce() bool { return strings.HasPrefix(t.hash, pkcePrefix) }

// issued is a token that was just made, with what the user is told.
type issued struct{ otp, hash string }

// newToken makes a user's token of a type; the one before it is no longer good. address is who proves it: OTPs are hashed with it.
func (s *Server) newToken(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kind, address string, f *flow) (issued, error) {
	now := s.now()
	t := issued{otp: newOTP()}
	t.hash = hashOTP(address, t.otp)
	if f != nil {
		t.hash = pkcePrefix + t.hash
	}
	_, err := tx.Exec(ctx, `update auth.users set `+kind+` = $2, `+sentColumns[kind]+` = $3, updated_at = $3 where id = $1`, userID, t.hash, now)
	if err != nil {
		return t, fmt.Errorf("auth: set %s: %w", kind, err)
	}
	_, err = tx.Exec(ctx, `
insert into auth.one_time_tokens (id, user_id, token_type, token_hash, relates_to, created_at, updated_at)
values ($1, $2, $3::auth.one_time_token_type, $4, $5, $6::timestamptz at time zone 'utc', $6::timestamptz at time zone 'utc')
on conflict (user_id, token_type) do update set token_hash = excluded.token_hash, relates_to = excluded.relates_to,
  created_at = excluded.created_at, updated_at = excluded.updated_at`, uuid.New(), userID, kind, t.hash, strings.ToLower(address), now)
	if err != nil {
		return t, fmt.Errorf("auth: insert one-time token: %w", err)
	}
	return t, nil
}

// findOneTimeToken finds a token of one of the types by its hash, with or without the prefix of its flow.
func findOneTimeToken(ctx context.Context, q querier, hash string, kinds ...string) (oneTimeToken, error) {
	return scanOneTimeToken(q.QueryRow(ctx, selectOneTimeToken+`token_type::text = any($1) and token_hash = any($2) order by created_at desc limit 1`,
		kinds, []string{hash, pkcePrefix + hash}))
}

const selectOneTimeToken = `select user_id, token_type::text, token_hash, created_at at time zone 'utc' from auth.one_time_tokens where `

func scanOneTimeToken(row pgx.Row) (oneTimeToken, error) {
	var t oneTimeToken
	err := row.Scan(&t.userID, &t.kind, &t.hash, &t.createdAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return t, errNoOneTimeToken
	}
	if err != nil {
		return t, fmt.Errorf("auth: find one-time token: %w", err)
	}
	return t, nil
}

// spendTokens makes tokens of a user good for nothing; all of them when no type is named.
func spendTokens(ctx context.Context, tx pgx.Tx, userID uuid.UUID, kinds ...string) error {
	if len(kinds) == 0 {
		kinds = []string{tokenConfirmation, tokenRecovery, tokenReauthentication, tokenChangeNew, tokenChangeCurrent}
	}
	if _, err := tx.Exec(ctx, `delete from auth.one_time_tokens where user_id = $1 and token_type::text = any($2)`, userID, kinds); err != nil {
		return fmt.Errorf("auth: delete one-time tokens: %w", err)
	}
	sets := make([]string, len(kinds))
	for i, kind := range kinds {
		sets[i] = kind + " = ''"
	}
	if _, err := tx.Exec(ctx, `update auth.users set `+strings.Join(sets, ", ")+` where id = $1`, userID); err != nil {
		return fmt.Errorf("auth: clear one-time tokens: %w", err)
	}
	return nil
}

func (s *Server) expired(t oneTimeToken) bool { return s.now().After(t.createdAt.Add(s.cfg.OTPLife)) }

// maySend keeps a mailbox from being filled: one mail of a kind in an interval.
func (s *Server) maySend(sentAt *time.Time) error {
	if sentAt == nil {
		return nil
	}
	left := sentAt.Add(s.cfg.MailInterval).Sub(s.now())
	if left <= 0 {
		return nil
	}
	return tooMany(codeOverMailLimit, "For security purposes, you can only request this after %d seconds.", int(math.Ceil(left.Seconds())))
}

// letter is a mail that is about to be written.
type letter struct {
	to, kind, token string // address, kind of mail, type of token
	redirectTo      string
	flow            *flow // nil: the link gives a session itself
}

// post makes a token and mails it. It is the last thing in a transaction: where the mail cannot be sent, there is no token either.
func (s *Server) post(ctx context.Context, tx pgx.Tx, userID uuid.UUID, l letter) (issued, error) {
	t, err := s.newToken(ctx, tx, userID, l.token, l.to, l.flow)
	if err != nil {
		return t, err
	}
	if l.flow != nil {
		if err := insertFlow(ctx, tx, userID, *l.flow, authMethod(l.kind), s.now()); err != nil {
			return t, err
		}
	}
	mail := Mail{To: l.to, Kind: l.kind, OTP: t.otp, TokenHash: t.hash}
	if l.kind != kindReauthentication {
		mail.Link = s.link(t.hash, l.kind, l.redirectTo)
	}
	if err := s.cfg.Mailer.Send(ctx, mail); err != nil {
		return t, storing("Error sending "+strings.ReplaceAll(l.kind, "_", " ")+" email", err)
	}
	return t, nil
}
