package auth

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// A change of address is asked for with PUT /user and comes about when the new address is proven, and with email confirmation the one of
// before as well. Without email confirmation GoTrue mails both and takes either; here only the new one counts then.

// beginChange remembers the address and mails whoever has to prove it.
func (s *Server) beginChange(ctx context.Context, tx pgx.Tx, u *User, email, redirectTo string, f *flow) error {
	if err := s.maySend(u.EmailChangeSentAt); err != nil {
		return err
	}
	now := s.now()
	_, err := tx.Exec(ctx, `update auth.users set email_change = $2, email_change_confirm_status = 0, email_change_sent_at = $3, updated_at = $3 where id = $1`,
		u.ID, email, now)
	if err != nil {
		return fmt.Errorf("auth: begin change of email: %w", err)
	}
	if err := spendTokens(ctx, tx, u.ID, tokenChangeCurrent, tokenChangeNew); err != nil {
		return err
	}
	if s.confirmsBoth(u) {
		if _, err := s.post(ctx, tx, u.ID, letter{u.Email, kindEmailChange, tokenChangeCurrent, redirectTo, f}); err != nil {
			return err
		}
	}
	_, err = s.post(ctx, tx, u.ID, letter{email, kindEmailChange, tokenChangeNew, redirectTo, f})
	return err
}

func (s *Server) confirmsBoth(u *User) bool {
	return s.cfg.ConfirmEmail && !s.cfg.SingleConfirmChange && u.Email != ""
}

// confirmChange takes one proof. It is true when that was the last that was missing; then the address is the user's.
func (s *Server) confirmChange(ctx context.Context, tx pgx.Tx, t oneTimeToken) (done bool, err error) {
	u, err := userByID(ctx, tx, t.userID)
	if err != nil {
		return false, err
	}
	if err := spendTokens(ctx, tx, u.ID, t.kind); err != nil {
		return false, err
	}
	if s.confirmsBoth(u) && u.changeStatus == 0 {
		if _, err := tx.Exec(ctx, `update auth.users set email_change_confirm_status = 1 where id = $1`, u.ID); err != nil {
			return false, fmt.Errorf("auth: confirm change of email: %w", err)
		}
		return false, nil
	}
	if u.NewEmail == "" {
		return false, forbidden(codeOTPExpired, "Email link is invalid or has expired")
	}
	now := s.now()
	if err := setEmail(ctx, tx, u, u.NewEmail, now); err != nil {
		if violates(err, indexEmail) {
			return false, errEmailExists()
		}
		return false, err
	}
	if _, err := tx.Exec(ctx, `update auth.users set email_change_confirm_status = 0 where id = $1`, u.ID); err != nil {
		return false, fmt.Errorf("auth: confirm change of email: %w", err)
	}
	if err := spendTokens(ctx, tx, u.ID, tokenChangeCurrent, tokenChangeNew); err != nil {
		return false, err
	}
	if err := confirmEmail(ctx, tx, u.ID, now); err != nil {
		return false, err
	}
	return true, verifyIdentity(ctx, tx, u, u.NewEmail, now)
}

// resumeChange mails once more what a change waits for.
func (s *Server) resumeChange(ctx context.Context, tx pgx.Tx, id uuid.UUID, redirectTo string) error {
	u, err := lockUser(ctx, tx, id)
	if err != nil || u.NewEmail == "" {
		return err
	}
	return s.beginChange(ctx, tx, u, u.NewEmail, redirectTo, nil)
}
