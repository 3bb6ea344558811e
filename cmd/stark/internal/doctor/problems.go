package doctor

// Status is how a check went.
type Status string

// The statuses. Skip is a check for which something is not known, e.g. the database's URL.
const (
	OK   Status = "ok"
	Warn Status = "warn"
	Fail Status = "fail"
	Skip Status = "skip"
)

// Problem is something that can be found wrong. docs/troubleshooting.md has a section for each.
type Problem struct {
	ID     string
	Status Status
	Says   string
	Mend   string
}

// What can be found wrong, in the order of the checks.
var (
	serverUnknown = Problem{"server_unknown", Skip, "no server is known", "log in with `stark login --server URL`, or set STARK_SERVER"}
	serverAway    = Problem{"server_unreachable", Fail, "the server cannot be reached", "start it (`stark up` or `stark serve`), or correct the URL: `stark login --server URL`"}
	serverForeign = Problem{"server_foreign", Fail, "what answers is not a Stark server", "correct the URL: `stark login --server URL`; a proxy in between must pass /health, /api, /auth and /ws on"}
	serverUnready = Problem{"server_not_ready", Fail, "the server runs but cannot do its work", "look at its log; `stark doctor --env-file .env` on its machine checks what it depends on"}
	serverOther   = Problem{"server_version", Warn, "server and command line are of different versions", "install the same version of both"}
	serverClock   = Problem{"server_clock", Warn, "the server's clock and this machine's differ", "let both follow NTP; tokens are valid by the clock"}
	loginNone     = Problem{"login_missing", Skip, "you are not logged in", "log in with `stark login`"}
	loginRefused  = Problem{"login_refused", Fail, "the server does not take your login", "log in again with `stark login`"}
	loginRoleless = Problem{"login_viewer", Warn, "your role only reads", "an admin gives you another with `stark user role EMAIL developer`"}

	projectUnknown = Problem{"project_unknown", Skip, "the Supabase project is not known", "log in, or set SUPABASE_URL and SUPABASE_ANON_KEY (or pass --env-file)"}
	projectAway    = Problem{"project_unreachable", Fail, "the Supabase project cannot be reached", "correct SUPABASE_URL; a paused project has to be resumed in the dashboard"}
	projectKey     = Problem{"project_key", Fail, "Supabase does not take the public key", "copy SUPABASE_ANON_KEY anew: Settings > API keys in the dashboard, or `supabase status`"}
	projectSecret  = Problem{"project_secret_key", Fail, "the key is a secret one, and it is told to everybody", "use the public key (anon or sb_publishable_…), and replace the secret key, which must count as known"}
	projectJWKS    = Problem{"project_signing_keys", Warn, "the project publishes no signing keys", "move it to asymmetric signing keys, or set SUPABASE_JWT_SECRET for the server"}

	databaseUnknown = Problem{"database_unknown", Skip, "the database is not checked: SUPABASE_DB_URL is not set", "on the server's machine: `stark doctor --env-file .env`"}
	databaseURL     = Problem{"database_url", Fail, "SUPABASE_DB_URL cannot be read", "want postgresql://postgres:PASSWORD@HOST:5432/postgres, with special characters of the password escaped (%40 for @)"}
	databasePooler  = Problem{"database_pooler", Fail, "SUPABASE_DB_URL is the pooler's, and logical replication does not go through it", "use the direct connection: postgresql://postgres:PASSWORD@db.REF.supabase.co:5432/postgres"}
	databaseAway    = Problem{"database_unreachable", Fail, "the database cannot be reached", "the direct connection of a hosted project is IPv6 only without the IPv4 add-on: use a machine with IPv6, or buy the add-on"}
	databaseLogin   = Problem{"database_password", Fail, "the database refuses the login", "reset the password under Settings > Database, and put it into SUPABASE_DB_URL, escaped"}
	databaseRole    = Problem{"database_role", Fail, "the role may not replicate", "connect as role postgres, which has REPLICATION on Supabase"}
	databaseOwner   = Problem{"database_owner", Fail, "the role does not see all of Stark's tables", "connect as role postgres"}
	walLevel        = Problem{"wal_level", Fail, "wal_level is not logical", "set wal_level = logical and restart PostgreSQL; hosted Supabase and `supabase start` have it"}
	migrationsLeft  = Problem{"migrations_missing", Fail, "the database lacks migrations", "apply them: `stark serve --migrate` or `supabase db push`"}
	migrationsNewer = Problem{"migrations_unknown", Warn, "the database has migrations that this program does not know", "install the version of Stark that made them; migrations of your own are fine"}
	publication     = Problem{"publication", Fail, "a publication is missing", "apply the migrations again: `stark serve --migrate`"}
	slotsNone       = Problem{"slots_none", Fail, "no replication slot is free", "drop those that nobody uses (select * from pg_replication_slots where not active), or raise max_replication_slots"}
	slotsFew        = Problem{"slots_few", Warn, "few replication slots are free", "each server needs one, and Realtime too; raise max_replication_slots before starting more"}
	databaseClock   = Problem{"database_clock", Warn, "the database's clock and this machine's differ", "let this machine follow NTP; tokens are valid by the clock"}

	nodeMissing  = Problem{"node_missing", Warn, "there is no Node.js here that agents can run on", "install Node.js 20 or newer (https://nodejs.org), or run agents elsewhere"}
	stateClosed  = Problem{"state_not_writable", Warn, "the state directory cannot be written, so `stark up` and `stark agent` cannot keep anything", "set STARK_HOME to a directory of yours"}
	configLoose  = Problem{"config_readable", Warn, "others can read the file with your logins", "chmod 600 it, and log in anew if it may have been read"}
	configBroken = Problem{"config_broken", Fail, "the file with your logins cannot be read", "delete it and log in again"}
)

// Problems are all that can be found.
func Problems() []Problem {
	return []Problem{
		serverUnknown, serverAway, serverForeign, serverUnready, serverOther, serverClock, loginNone, loginRefused, loginRoleless,
		projectUnknown, projectAway, projectKey, projectSecret, projectJWKS,
		databaseUnknown, databaseURL, databasePooler, databaseAway, databaseLogin, databaseRole, databaseOwner, walLevel,
		migrationsLeft, migrationsNewer, publication, slotsNone, slotsFew, databaseClock,
		nodeMissing, stateClosed, configLoose, configBroken,
	}
}
