package integration

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"github.com/supabase-community/gotrue-go/types"
	storage_go "github.com/supabase-community/storage-go"
	"github.com/supabase-community/supabase-go"

	"github.com/stark-o/stark/supabase/local"
)

// startStack is the whole embedded stack, with Stark's own schema, on free ports.
func startStack(t *testing.T) (*local.Stack, *pgxpool.Pool) { return startLoggedStack(t, nil) }

func startLoggedStack(t *testing.T, log *slog.Logger) (*local.Stack, *pgxpool.Pool) {
	t.Helper()
	s, err := local.Start(t.Context(), local.Config{Ephemeral: true, Log: log})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s, connectPool(t, s.DatabaseURL())
}

// makeLater moves all refresh tokens into the past, beyond the interval in which a used one may come again, and all mails beyond the interval
// in which there is no other.
func makeLater(ctx context.Context, db *pgxpool.Pool) error {
	_, err := db.Exec(ctx, `update auth.refresh_tokens set created_at = created_at - interval '1 minute', updated_at = updated_at - interval '1 minute'`)
	if err != nil {
		return err
	}
	_, err = db.Exec(ctx, `update auth.users set confirmation_sent_at = confirmation_sent_at - interval '1 minute',
		recovery_sent_at = recovery_sent_at - interval '1 minute', email_change_sent_at = email_change_sent_at - interval '1 minute',
		reauthentication_sent_at = reauthentication_sent_at - interval '1 minute'`)
	return err
}

// mailLog is the stack's log, of which the lines that are mails are kept: where a developer finds them, too.
type mailLog struct {
	mu    sync.Mutex        // guards mails
	mails map[string]string // the latest line for each address, as JSON
}

// Write takes a line of slog's JSON handler.
func (m *mailLog) Write(line []byte) (int, error) {
	var mail struct{ Msg, To string }
	if err := json.Unmarshal(line, &mail); err == nil && mail.Msg == "mail" {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.mails[mail.To] = string(line)
	}
	return len(line), nil
}

// ServeHTTP hands out the latest mail to ?to=, once.
func (m *mailLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	to := r.FormValue("to")
	line, found := m.mails[to]
	if !found {
		http.Error(w, "no mail to "+to, http.StatusNotFound)
		return
	}
	delete(m.mails, to)
	_, _ = io.WriteString(w, line)
}

func setRole(ctx context.Context, db *pgxpool.Pool, id, role string) error {
	_, err := db.Exec(ctx, "update public.users set role = $2 where id = $1", id, role)
	return err
}

// levers is what a script does to the database, over HTTP.
func levers(t *testing.T, db *pgxpool.Pool, mails *mailLog) string {
	t.Helper()
	mux := http.NewServeMux()
	handle := func(pattern string, do func(r *http.Request) error) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if err := do(r); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
			}
		})
	}
	handle("POST /later", func(r *http.Request) error { return makeLater(r.Context(), db) })
	handle("POST /role", func(r *http.Request) error { return setRole(r.Context(), db, r.FormValue("id"), r.FormValue("role")) })
	mux.Handle("POST /mail", mails)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server.URL
}

func TestStackWithSupabaseJS(t *testing.T) {
	t.Parallel()
	mails := &mailLog{mails: map[string]string{}}
	s, db := startLoggedStack(t, slog.New(slog.NewJSONHandler(mails, nil)))
	lever := levers(t, db, mails)
	runNode(t, "auth-compat.mjs", "SUPABASE_URL="+s.URL(), "ANON_KEY="+s.AnonKey(), "SERVICE_ROLE_KEY="+s.ServiceRoleKey(),
		"PUBLISHABLE_KEY="+s.PublishableKey(), "SECRET_KEY="+s.SecretKey(), "LATER_URL="+lever+"/later", "ROLE_URL="+lever+"/role", "MAIL_URL="+lever+"/mail")
}

const goPassword = "correct horse"

func goClient(t *testing.T, s *local.Stack, key string) *supabase.Client {
	t.Helper()
	client, err := supabase.NewClient(s.URL(), key, nil)
	require.NoError(t, err)
	return client
}

func TestAuthWithSupabaseGo(t *testing.T) {
	t.Parallel()
	s, db := startStack(t)
	client := goClient(t, s, s.AnonKey())
	made, err := client.Auth.Signup(types.SignupRequest{Email: "ada@example.com", Password: goPassword, Data: map[string]any{"name": "Ada"}})
	require.NoError(t, err)
	require.NotEmpty(t, made.AccessToken, "autoconfirm")
	require.Equal(t, "ada@example.com", made.Session.User.Email)
	_, err = client.Auth.Signup(types.SignupRequest{Email: "ada@example.com", Password: goPassword})
	require.ErrorContains(t, err, "user_already_exists")

	_, err = client.SignInWithEmailPassword("ada@example.com", "wrong horse")
	require.ErrorContains(t, err, "invalid_credentials")
	first, err := client.SignInWithEmailPassword("ada@example.com", goPassword)
	require.NoError(t, err)
	require.Equal(t, "bearer", first.TokenType)
	require.Equal(t, 3600, first.ExpiresIn)
	mine := client.Auth.WithToken(first.AccessToken)
	who, err := mine.GetUser()
	require.NoError(t, err)
	require.Equal(t, first.User.ID, who.ID)
	require.Equal(t, "authenticated", who.Role)
	changed, err := mine.UpdateUser(types.UpdateUserRequest{Data: map[string]any{"theme": "dark"}})
	require.NoError(t, err)
	require.Equal(t, "dark", changed.UserMetadata["theme"])
	require.Equal(t, "Ada", changed.UserMetadata["name"])

	second, err := client.RefreshToken(first.RefreshToken)
	require.NoError(t, err)
	require.NotEqual(t, first.RefreshToken, second.RefreshToken)
	third, err := client.RefreshToken(second.RefreshToken)
	require.NoError(t, err)
	require.NoError(t, makeLater(t.Context(), db))
	_, err = client.RefreshToken(first.RefreshToken)
	require.ErrorContains(t, err, "refresh_token_already_used")
	_, err = client.RefreshToken(third.RefreshToken)
	require.ErrorContains(t, err, "refresh_token_already_used", "the family is revoked")

	again, err := client.SignInWithEmailPassword("ada@example.com", goPassword)
	require.NoError(t, err)
	require.NoError(t, client.Auth.WithToken(again.AccessToken).Logout())
	_, err = client.Auth.WithToken(again.AccessToken).GetUser()
	require.ErrorContains(t, err, "session_not_found")
	settings, err := client.Auth.GetSettings()
	require.NoError(t, err)
	require.True(t, settings.MailerAutoconfirm)
	health, err := client.Auth.HealthCheck()
	require.NoError(t, err)
	require.Equal(t, "GoTrue", health.Name)
}

func TestMailsWithSupabaseGo(t *testing.T) {
	t.Parallel()
	mails := &mailLog{mails: map[string]string{}}
	s, db := startLoggedStack(t, slog.New(slog.NewJSONHandler(mails, nil)))
	mailbox := levers(t, db, mails)
	latest := func(to string) (mail struct{ Link, OTP string }) {
		res, err := http.PostForm(mailbox+"/mail", url.Values{"to": {to}})
		require.NoError(t, err)
		defer func() { require.NoError(t, res.Body.Close()) }()
		require.NoError(t, json.NewDecoder(res.Body).Decode(&mail))
		return mail
	}
	client := goClient(t, s, s.AnonKey()).Auth
	require.ErrorContains(t, client.OTP(types.OTPRequest{Email: "ada@example.com", CreateUser: false}), "otp_disabled")
	require.NoError(t, client.OTP(types.OTPRequest{Email: "ada@example.com", CreateUser: true}))
	// VerifyForUser takes GoTrue's 200 for a failure, so codes are for other clients; what is refused it reports well.
	mail := latest("ada@example.com")
	_, err := client.VerifyForUser(types.VerifyForUserRequest{Type: types.VerificationTypeMagiclink, Email: "ada@example.com", Token: "nonsense", RedirectTo: s.URL()})
	require.ErrorContains(t, err, "otp_expired")
	session, err := client.Verify(types.VerifyRequest{Type: types.VerificationTypeMagiclink, Token: tokenIn(t, mail.Link), RedirectTo: s.URL()})
	require.NoError(t, err)
	me, err := client.WithToken(session.AccessToken).GetUser()
	require.NoError(t, err)
	require.Equal(t, "ada@example.com", me.Email)
	require.NoError(t, makeLater(t.Context(), db))
	require.NoError(t, client.Recover(types.RecoverRequest{Email: "ada@example.com"}))
	token := tokenIn(t, latest("ada@example.com").Link)
	recovered, err := client.Verify(types.VerifyRequest{Type: types.VerificationTypeRecovery, Token: token, RedirectTo: s.URL()})
	require.NoError(t, err)
	require.NotEmpty(t, recovered.AccessToken)
	require.NoError(t, client.WithToken(recovered.AccessToken).Reauthenticate())
	require.Len(t, latest("ada@example.com").OTP, 6)
	_, err = client.Invite(types.InviteRequest{Email: "bob@example.com"})
	require.ErrorContains(t, err, "not_admin")
	admin := goClient(t, s, s.ServiceRoleKey()).Auth.WithToken(s.ServiceRoleKey())
	invited, err := admin.Invite(types.InviteRequest{Email: "bob@example.com"})
	require.NoError(t, err)
	require.NotNil(t, invited.InvitedAt)
	link, err := admin.AdminGenerateLink(types.AdminGenerateLinkRequest{Type: types.LinkTypeMagicLink, Email: "ada@example.com"})
	require.NoError(t, err)
	require.Equal(t, me.ID, link.ID)
	require.Contains(t, link.ActionLink, s.Issuer()+"/verify?token="+link.HashedToken)
}

func tokenIn(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	require.NoError(t, err)
	return u.Query().Get("token")
}

func TestAdminWithSupabaseGo(t *testing.T) {
	t.Parallel()
	s, _ := startStack(t)
	client := goClient(t, s, s.ServiceRoleKey())
	admin := client.Auth.WithToken(s.ServiceRoleKey())
	secret := goPassword
	made, err := admin.AdminCreateUser(types.AdminCreateUserRequest{Email: "bob@example.com", Password: &secret, EmailConfirm: true})
	require.NoError(t, err)
	require.NotNil(t, made.EmailConfirmedAt)
	_, err = admin.AdminCreateUser(types.AdminCreateUserRequest{Email: "bob@example.com", Password: &secret})
	require.ErrorContains(t, err, "email_exists")
	got, err := admin.AdminGetUser(types.AdminGetUserRequest{UserID: made.ID})
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", got.Email)
	changed, err := admin.AdminUpdateUser(types.AdminUpdateUserRequest{UserID: made.ID, AppMetadata: map[string]any{"team": "a"}})
	require.NoError(t, err)
	require.Equal(t, "a", changed.AppMetadata["team"])
	all, err := admin.AdminListUsers()
	require.NoError(t, err)
	require.Len(t, all.Users, 1)

	_, err = client.SignInWithEmailPassword("bob@example.com", goPassword)
	require.NoError(t, err)
	_, err = client.Auth.WithToken(s.AnonKey()).AdminListUsers()
	require.ErrorContains(t, err, "not_admin")
	require.NoError(t, admin.AdminDeleteUser(types.AdminDeleteUserRequest{UserID: made.ID}))
	_, err = admin.AdminGetUser(types.AdminGetUserRequest{UserID: made.ID})
	require.ErrorContains(t, err, "user_not_found")
	_, err = admin.AdminGetUser(types.AdminGetUserRequest{UserID: uuid.New()})
	require.ErrorContains(t, err, "404")
}

// TestPacksWithSupabaseGo is the way of a bundle with real logins, under Stark's own policies.
func TestPacksWithSupabaseGo(t *testing.T) {
	t.Parallel()
	s, _ := startStack(t)
	login := func(email, role string) (*supabase.Client, string) {
		id, err := s.EnsureUser(t.Context(), email, goPassword, role)
		require.NoError(t, err)
		client := goClient(t, s, s.PublishableKey())
		session, err := client.SignInWithEmailPassword(email, goPassword)
		require.NoError(t, err)
		client.UpdateAuthSession(session)
		return client, id.String()
	}
	ada, adaID := login("ada@example.com", "developer")
	bob, _ := login("bob@example.com", "developer")
	viewer, viewerID := login("eve@example.com", "viewer")
	js := "text/javascript"
	upload := func(client *supabase.Client, path, text string) error {
		_, err := client.Storage.UploadFile("packs", path, strings.NewReader(text), storage_go.FileOptions{ContentType: &js})
		return err
	}
	path := adaID + "/hello/1.0.0/bundle.js"
	require.NoError(t, upload(ada, path, "export default 1"))
	got, err := ada.Storage.DownloadFile("packs", path)
	require.NoError(t, err)
	require.Equal(t, "export default 1", string(got))

	const denied = "new row violates row-level security policy"
	require.ErrorContains(t, upload(bob, adaID+"/hello/2.0.0/bundle.js", "x"), denied, "another's folder")
	require.ErrorContains(t, upload(viewer, viewerID+"/hello/1.0.0/bundle.js", "x"), denied, "no developer")
	require.ErrorContains(t, upload(ada, path, "x"), "The resource already exists", "nothing is overwritten")
	_, err = bob.Storage.DownloadFile("packs", path)
	require.ErrorContains(t, err, "Object not found")
	signed, err := ada.Storage.CreateSignedUrl("packs", path, 60)
	require.NoError(t, err)
	require.Equal(t, "export default 1", fetch(t, signed.SignedURL))
}
