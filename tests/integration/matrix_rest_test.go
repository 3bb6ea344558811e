package integration

import (
	"encoding/json"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/stark-o/stark/supabase/local/gateway"
	"github.com/stark-o/stark/supabase/local/keys"
	"github.com/stark-o/stark/supabase/local/rest"
	"github.com/stark-o/stark/tests/fixture"
	"github.com/stark-o/stark/tests/testdb"
)

// TestMatrixWithSupabaseJS asks PostgREST's dialect what the pgTAP tests ask SQL, in their own world.
func TestMatrixWithSupabaseJS(t *testing.T) {
	t.Parallel()
	db := testdb.New(t)
	owner := db.Pool(t)
	world, err := os.ReadFile(filepath.Join("..", "..", "supabase", "tests", "helpers", "world.psql"))
	require.NoError(t, err)
	_, err = owner.Exec(t.Context(), "create extension if not exists pgtap with schema extensions;\n"+string(world))
	require.NoError(t, err)

	material, err := keys.Generate()
	require.NoError(t, err)
	ring, err := keys.New(material, keys.Config{Issuer: "http://127.0.0.1/auth/v1"})
	require.NoError(t, err)
	server := rest.New(rest.Config{Pool: db.PoolFor(t, "authenticator"), Keys: ring, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, server.Start(t.Context()))
	t.Cleanup(server.Stop)
	front := httptest.NewServer(gateway.New(gateway.Config{Keys: ring, REST: server, Log: slog.New(slog.DiscardHandler)}))
	t.Cleanup(front.Close)

	tokens := map[string]string{}
	rows, err := owner.Query(t.Context(), "select actor, id::text from tests.actors where id is not null")
	require.NoError(t, err)
	var actor, id string
	_, err = pgx.ForEachRow(rows, []any{&actor, &id}, func() (err error) {
		tokens[actor], err = ring.Sign(jwt.MapClaims{"sub": id, "role": "authenticated", "aud": "authenticated", "exp": time.Now().Add(time.Hour).Unix()})
		return err
	})
	require.NoError(t, err)
	tokensJSON, err := json.Marshal(tokens)
	require.NoError(t, err)
	tablesJSON, err := json.Marshal(fixture.All[string](t, owner,
		"select relname::text from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"))
	require.NoError(t, err)
	runNode(t, "rest-matrix.mjs", "SUPABASE_URL="+front.URL, "PUBLISHABLE_KEY="+ring.PublishableKey(), "SECRET_KEY="+ring.SecretKey(),
		"TOKENS="+string(tokensJSON), "TABLES="+string(tablesJSON))
}
