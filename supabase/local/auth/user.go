package auth

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

const (
	roleAuthenticated = "authenticated"
	audAuthenticated  = "authenticated"
	providerEmail     = "email"
	headerAudience    = "X-Jwt-Aud"
)

// Metadata is a JSON object whose values are kept as they came: numbers don't lose digits on the way through.
type Metadata map[string]json.RawMessage

// merge sets the members of updates and deletes those that are null there.
func (m Metadata) merge(updates Metadata) {
	for key, value := range updates {
		if bytes.Equal(value, []byte("null")) {
			delete(m, key)
		} else {
			m[key] = value
		}
	}
}

// with returns m, which may be nil, with defaults for members that it lacks.
func (m Metadata) with(defaults Metadata) Metadata {
	all := Metadata{}
	for key, value := range defaults {
		all[key] = value
	}
	for key, value := range m {
		all[key] = value
	}
	return all
}

func jsonString(s string) json.RawMessage {
	text, _ := json.Marshal(s) // a string always encodes
	return text
}

func jsonBool(b bool) json.RawMessage {
	if b {
		return json.RawMessage("true")
	}
	return json.RawMessage("false")
}

// User is a row of auth.users, in the JSON that clients get. Source: supabase/auth internal/models/user.go.
type User struct {
	ID               uuid.UUID  `json:"id"`
	Aud              string     `json:"aud"`
	Role             string     `json:"role"`
	Email            string     `json:"email"`
	EmailConfirmedAt *time.Time `json:"email_confirmed_at,omitempty"`
	InvitedAt        *time.Time `json:"invited_at,omitempty"`
	Phone            string     `json:"phone"`
	PhoneConfirmedAt *time.Time `json:"phone_confirmed_at,omitempty"`
	ConfirmedAt      *time.Time `json:"confirmed_at,omitempty"`
	NewEmail         string     `json:"new_email,omitempty"`

	ConfirmationSentAt     *time.Time `json:"confirmation_sent_at,omitempty"`
	RecoverySentAt         *time.Time `json:"recovery_sent_at,omitempty"`
	EmailChangeSentAt      *time.Time `json:"email_change_sent_at,omitempty"`
	ReauthenticationSentAt *time.Time `json:"reauthentication_sent_at,omitempty"`

	LastSignInAt *time.Time `json:"last_sign_in_at,omitempty"`
	AppMetadata  Metadata   `json:"app_metadata"`
	UserMetadata Metadata   `json:"user_metadata"`
	Identities   []Identity `json:"identities"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	BannedUntil  *time.Time `json:"banned_until,omitempty"`
	DeletedAt    *time.Time `json:"deleted_at,omitempty"`
	IsAnonymous  bool       `json:"is_anonymous"`

	passwordHash string // "" when the user has none
	isSSO        bool
	changeStatus int16 // of a change of address: how many addresses have been proven
}

func (u *User) banned(now time.Time) bool { return u.BannedUntil != nil && now.Before(*u.BannedUntil) }

// Identity is a row of auth.identities. Its provider id goes out as "id" and its id as "identity_id"; that is how clients know it.
type Identity struct {
	ID           uuid.UUID  `json:"identity_id"`
	ProviderID   string     `json:"id"`
	UserID       uuid.UUID  `json:"user_id"`
	Data         Metadata   `json:"identity_data,omitempty"`
	Provider     string     `json:"provider"`
	LastSignInAt *time.Time `json:"last_sign_in_at,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	UpdatedAt    time.Time  `json:"updated_at"`
	Email        string     `json:"email,omitempty"`
}
