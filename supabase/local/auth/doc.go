// Package auth is the embedded stack's stand-in for Supabase Auth (GoTrue): accounts with an address and a password, sessions, mails
// that log in, recover, confirm and invite, PKCE, and the admin's view of users, over the real tables of schema auth, in GoTrue's shapes and with its error codes.
//
// It is for development. Addresses are confirmed at once unless Config says otherwise (autoconfirm, as in `supabase start`), a mail is a line
// in the log, nothing limits rates but those of mails, and no audit log is written. What is not built answers 501 and names itself; see unbuilt.go. Where GoTrue's behaviour is known to be unsafe,
// this one is stricter, and the place says so.
//
// Shapes and codes follow supabase/auth v2, internal/api and internal/models.
package auth
