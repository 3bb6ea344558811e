package auth

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// querier is a pool or a transaction.
type querier interface {
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// indexEmail is the index that keeps addresses unique.
const indexEmail = "users_email_partial_key"

// errNoUser says that no such user exists.
var errNoUser = errors.New("auth: no such user")

// People insert users with SQL, and leave columns null that GoTrue never does: null reads as empty here.
const selectUser = `
select id, coalesce(aud, ''), coalesce(role, ''), coalesce(email, ''), email_confirmed_at, invited_at, coalesce(phone, ''),
  phone_confirmed_at, confirmed_at, coalesce(email_change, ''), last_sign_in_at, coalesce(raw_app_meta_data, '{}'),
  coalesce(raw_user_meta_data, '{}'), coalesce(created_at, 'epoch'), coalesce(updated_at, 'epoch'), banned_until, deleted_at,
  is_anonymous, coalesce(encrypted_password, ''), is_sso_user, confirmation_sent_at, recovery_sent_at, email_change_sent_at,
  reauthentication_sent_at, coalesce(email_change_confirm_status, 0)
from auth.users`

func scanUser(row pgx.CollectableRow) (*User, error) {
	u := &User{Identities: []Identity{}}
	err := row.Scan(&u.ID, &u.Aud, &u.Role, &u.Email, &u.EmailConfirmedAt, &u.InvitedAt, &u.Phone, &u.PhoneConfirmedAt, &u.ConfirmedAt,
		&u.NewEmail, &u.LastSignInAt, &u.AppMetadata, &u.UserMetadata, &u.CreatedAt, &u.UpdatedAt, &u.BannedUntil, &u.DeletedAt,
		&u.IsAnonymous, &u.passwordHash, &u.isSSO, &u.ConfirmationSentAt, &u.RecoverySentAt, &u.EmailChangeSentAt,
		&u.ReauthenticationSentAt, &u.changeStatus)
	if err != nil {
		return nil, err
	}
	inUTC(&u.CreatedAt, &u.UpdatedAt, u.EmailConfirmedAt, u.InvitedAt, u.PhoneConfirmedAt, u.ConfirmedAt, u.LastSignInAt, u.BannedUntil, u.DeletedAt,
		u.ConfirmationSentAt, u.RecoverySentAt, u.EmailChangeSentAt, u.ReauthenticationSentAt)
	return u, nil
}

func inUTC(times ...*time.Time) {
	for _, t := range times {
		if t != nil {
			*t = t.UTC()
		}
	}
}

func oneUser(ctx context.Context, q querier, where string, args ...any) (*User, error) {
	rows, err := q.Query(ctx, selectUser+" "+where, args...)
	if err != nil {
		return nil, fmt.Errorf("auth: find user: %w", err)
	}
	u, err := pgx.CollectExactlyOneRow(rows, scanUser)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, errNoUser
	}
	if err != nil {
		return nil, fmt.Errorf("auth: find user: %w", err)
	}
	if err := withIdentities(ctx, q, u); err != nil {
		return nil, err
	}
	return u, nil
}

// userByID returns errNoUser when there is none; so do the other two.
func userByID(ctx context.Context, q querier, id uuid.UUID) (*User, error) {
	return oneUser(ctx, q, "where id = $1", id)
}

// lockUser is userByID for one who will change the row: others wait until the transaction ends, so that no merge is lost.
func lockUser(ctx context.Context, q querier, id uuid.UUID) (*User, error) {
	return oneUser(ctx, q, "where id = $1 for no key update", id)
}

// userByEmail finds whoever logs in with that address.
func userByEmail(ctx context.Context, q querier, email, aud string) (*User, error) {
	return oneUser(ctx, q, "where lower(email) = lower($1) and aud = $2 and not is_sso_user", email, aud)
}

func withIdentities(ctx context.Context, q querier, users ...*User) error {
	ids := make([]uuid.UUID, len(users))
	byID := make(map[uuid.UUID]*User, len(users))
	for i, u := range users {
		ids[i], byID[u.ID] = u.ID, u
	}
	rows, err := q.Query(ctx, `
select id, provider_id, user_id, identity_data, provider, last_sign_in_at, coalesce(created_at, 'epoch'), coalesce(updated_at, 'epoch'), coalesce(email, '')
from auth.identities where user_id = any($1) order by created_at, id`, ids)
	if err != nil {
		return fmt.Errorf("auth: find identities: %w", err)
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (i Identity, err error) {
		err = row.Scan(&i.ID, &i.ProviderID, &i.UserID, &i.Data, &i.Provider, &i.LastSignInAt, &i.CreatedAt, &i.UpdatedAt, &i.Email)
		inUTC(&i.CreatedAt, &i.UpdatedAt, i.LastSignInAt)
		return i, err
	})
	if err != nil {
		return fmt.Errorf("auth: find identities: %w", err)
	}
	for _, i := range found {
		byID[i.UserID].Identities = append(byID[i.UserID].Identities, i)
	}
	return nil
}

// insertUser inserts u, not confirmed. GoTrue writes the empty strings, and people's SQL relies on them.
func insertUser(ctx context.Context, tx pgx.Tx, u *User, now time.Time) error {
	_, err := tx.Exec(ctx, `
insert into auth.users (instance_id, id, aud, role, email, encrypted_password, raw_app_meta_data, raw_user_meta_data, created_at, updated_at,
  confirmation_token, recovery_token, email_change_token_new, email_change)
values ('00000000-0000-0000-0000-000000000000', $1, $2, $3, $4, $5, $6, $7, $8, $8, '', '', '', '')`,
		u.ID, u.Aud, u.Role, u.Email, u.passwordHash, u.AppMetadata, u.UserMetadata, now)
	if err != nil {
		return fmt.Errorf("auth: insert user: %w", err)
	}
	return nil
}

func insertIdentity(ctx context.Context, tx pgx.Tx, u *User, data Metadata, now time.Time) error {
	_, err := tx.Exec(ctx, `
insert into auth.identities (provider_id, user_id, identity_data, provider, last_sign_in_at, created_at, updated_at)
values ($1::text, $1::uuid, $2, 'email', $3, $3, $3)`, u.ID.String(), data, now)
	if err != nil {
		return fmt.Errorf("auth: insert identity: %w", err)
	}
	return nil
}

// setEmail changes the address in the user and in the identity of provider email, which comes into being if there was none.
func setEmail(ctx context.Context, tx pgx.Tx, u *User, email string, now time.Time) error {
	if _, err := tx.Exec(ctx, `update auth.users set email = $2, email_change = '', updated_at = $3 where id = $1`, u.ID, email, now); err != nil {
		return fmt.Errorf("auth: set email: %w", err)
	}
	changed, err := tx.Exec(ctx, `
update auth.identities set identity_data = identity_data || jsonb_build_object('email', $2::text), updated_at = $3
where user_id = $1 and provider = 'email'`, u.ID, email, now)
	if err != nil {
		return fmt.Errorf("auth: set email of identity: %w", err)
	}
	if changed.RowsAffected() > 0 {
		return nil
	}
	return insertIdentity(ctx, tx, u, identityData(u.ID, email, nil), now)
}

// confirmEmail marks the address as the user's own.
func confirmEmail(ctx context.Context, tx pgx.Tx, id uuid.UUID, now time.Time) error {
	_, err := tx.Exec(ctx, `
update auth.users set email_confirmed_at = $2, confirmation_token = '', updated_at = $2,
  raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || '{"email_verified": true}'
where id = $1`, id, now)
	if err != nil {
		return fmt.Errorf("auth: confirm email: %w", err)
	}
	return nil
}

// verifyIdentity marks the address of a user's identity as proven.
func verifyIdentity(ctx context.Context, tx pgx.Tx, u *User, email string, now time.Time) error {
	_, err := tx.Exec(ctx, `
update auth.identities set identity_data = identity_data || '{"email_verified": true}', updated_at = $3
where user_id = $1 and provider = 'email' and email = lower($2)`, u.ID, email, now)
	if err != nil {
		return fmt.Errorf("auth: verify identity: %w", err)
	}
	return nil
}

// setPasswordHash also ends all mails that are under way: their tokens are good for nothing any more.
func setPasswordHash(ctx context.Context, tx pgx.Tx, id uuid.UUID, hash string, now time.Time) error {
	_, err := tx.Exec(ctx, `update auth.users set encrypted_password = $2, updated_at = $3, phone_change_token = '' where id = $1`, id, hash, now)
	if err != nil {
		return fmt.Errorf("auth: set password: %w", err)
	}
	return spendTokens(ctx, tx, id)
}

// addUserMetadata adds members; those that exist are replaced.
func addUserMetadata(ctx context.Context, tx pgx.Tx, id uuid.UUID, data Metadata, now time.Time) error {
	_, err := tx.Exec(ctx, `update auth.users set raw_user_meta_data = coalesce(raw_user_meta_data, '{}') || $2::jsonb, updated_at = $3 where id = $1`,
		id, data, now)
	if err != nil {
		return fmt.Errorf("auth: add metadata: %w", err)
	}
	return nil
}

func setMetadata(ctx context.Context, tx pgx.Tx, u *User, now time.Time) error {
	_, err := tx.Exec(ctx, `update auth.users set raw_user_meta_data = $2, raw_app_meta_data = $3, updated_at = $4 where id = $1`,
		u.ID, u.UserMetadata, u.AppMetadata, now)
	if err != nil {
		return fmt.Errorf("auth: set metadata: %w", err)
	}
	return nil
}

func setRole(ctx context.Context, tx pgx.Tx, id uuid.UUID, role string, now time.Time) error {
	if _, err := tx.Exec(ctx, `update auth.users set role = $2, updated_at = $3 where id = $1`, id, role, now); err != nil {
		return fmt.Errorf("auth: set role: %w", err)
	}
	return nil
}

// setBan bans until a time, or lifts the ban when it is nil.
func setBan(ctx context.Context, tx pgx.Tx, id uuid.UUID, until *time.Time, now time.Time) error {
	if _, err := tx.Exec(ctx, `update auth.users set banned_until = $2, updated_at = $3 where id = $1`, id, until, now); err != nil {
		return fmt.Errorf("auth: set ban: %w", err)
	}
	return nil
}

func deleteUser(ctx context.Context, tx pgx.Tx, id uuid.UUID) error {
	if _, err := tx.Exec(ctx, `delete from auth.users where id = $1`, id); err != nil {
		return fmt.Errorf("auth: delete user: %w", err)
	}
	return nil
}

// softDeleteUser keeps the row, for what refers to it, without anything personal in it. The address becomes a hash, so that it is free again.
// Source: supabase/auth internal/models/user.go, SoftDeleteUser and SoftDeleteUserIdentities.
func softDeleteUser(ctx context.Context, tx pgx.Tx, u *User, now time.Time) error {
	_, err := tx.Exec(ctx, `
update auth.users set email = nullif($2, ''), phone = nullif($3, ''), encrypted_password = '', email_change = '', phone_change = '',
  confirmation_token = '', recovery_token = '', email_change_token_current = '', email_change_token_new = '', phone_change_token = '',
  reauthentication_token = '', raw_user_meta_data = '{}', raw_app_meta_data = '{}', deleted_at = $4, updated_at = $4
where id = $1`, u.ID, obscure(u.ID, u.Email), obscure(u.ID, u.Phone), now)
	if err != nil {
		return fmt.Errorf("auth: soft delete user: %w", err)
	}
	for _, i := range u.Identities {
		_, err := tx.Exec(ctx, `update auth.identities set provider_id = $2, identity_data = '{}', updated_at = $3 where id = $1`,
			i.ID, obscure(u.ID, i.ProviderID), now)
		if err != nil {
			return fmt.Errorf("auth: soft delete identity: %w", err)
		}
	}
	if _, err := tx.Exec(ctx, `delete from auth.mfa_factors where user_id = $1`, u.ID); err != nil {
		return fmt.Errorf("auth: delete factors: %w", err)
	}
	if err := spendTokens(ctx, tx, u.ID); err != nil {
		return err
	}
	return deleteSessions(ctx, tx, u.ID)
}

func obscure(id uuid.UUID, value string) string {
	if value == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(id.String() + value))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// identityData is what an identity of provider email says about its user.
func identityData(id uuid.UUID, email string, data Metadata) Metadata {
	own := Metadata{
		"sub": jsonString(id.String()), "email": jsonString(email), "email_verified": jsonBool(false), "phone_verified": jsonBool(false),
	}
	return own.with(data)
}
