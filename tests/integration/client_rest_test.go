package integration

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
	"github.com/supabase-community/postgrest-go"
	"github.com/supabase-community/supabase-go"

	"github.com/stark-o/stark/supabase/local"
	"github.com/stark-o/stark/tests/fixture"
)

const restPassword = "correct horse battery staple"

// library is what clients' query builders are tried on: every kind of column and relationship that they have a word for.
const library = `
create table authors (id int primary key, name text not null);
create table books (id int primary key, title text not null, author_id int references authors (id), pages int, tags text[], years int4range, data jsonb);
create table readers (id int primary key, name text not null);
create table loans (book_id int references books (id), reader_id int references readers (id), primary key (book_id, reader_id));
create table shelves (name text primary key, room int default 1);
insert into authors values (1, 'Le Guin'), (2, 'Tolstoy');
insert into books values
  (1, 'The Left Hand of Darkness', 1, 300, '{sf}', '[1969,1970)', '{"lent": true, "to": {"name": "Ann"}}'),
  (2, 'The Dispossessed', 1, 400, '{sf,utopia}', '[1974,1975)', '{"x": 1}'),
  (3, 'War and Peace', 2, 1200, '{war}', '[1865,1870)', null),
  (4, 'an odd, (one)', null, null, null, null, null);
insert into readers values (1, 'Ann'), (2, 'Ben');
insert into loans values (1, 1), (1, 2);
create function add(a int, b int) returns int language sql immutable as 'select a + b';
create function thick_books(min int) returns setof books language sql stable as 'select * from books where pages >= min';
create function joined(parts text[]) returns text language sql immutable as $$ select array_to_string(parts, '|') $$;
create function nothing() returns void language sql as '';
create function fails() returns void language plpgsql as $$ begin raise exception 'no' using hint = 'try again'; end $$;
revoke all on authors, books, readers, loans, shelves from anon, authenticated;
`

// restStack is the whole embedded stack with a library, packs and people.
type restStack struct {
	*local.Stack
	publicPack, privatePack uuid.UUID
}

// startREST starts it; with a secret its tokens are HS256, else ES256.
func startREST(t *testing.T, secret string) restStack {
	t.Helper()
	stack, err := local.Start(t.Context(), local.Config{Ephemeral: true, JWTSecret: secret})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, stack.Stop(context.Background())) })
	db := connectPool(t, stack.DatabaseURL())
	fixture.Exec(t, db, library)
	ids := map[string]uuid.UUID{}
	for name, role := range map[string]string{
		"admin": "admin", "dev": "developer", "other": "developer", "viewer": "viewer", "changing": "viewer", "node": "node",
	} {
		ids[name], err = stack.EnsureUser(t.Context(), name+"@example.com", restPassword, role)
		require.NoError(t, err)
	}
	dev := fixture.Actor(ids["dev"], "dev@example.com")
	s := restStack{Stack: stack, publicPack: fixture.Pack(t, db, dev, "shared"), privatePack: fixture.Pack(t, db, dev, "secret")}
	fixture.Exec(t, db, "update packs set visibility = 'private' where id = $1", s.privatePack)
	fixture.Exec(t, db, "insert into pods (pack_id, created_by) values ($1, $2)", s.privatePack, dev.UserID)
	return s
}

func TestRESTWithSupabaseJS(t *testing.T) {
	t.Parallel()
	secret := uuid.NewString()
	s := startREST(t, secret)
	expired, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": uuid.NewString(), "role": "authenticated", "exp": time.Now().Add(-time.Minute).Unix(),
	}).SignedString([]byte(secret))
	require.NoError(t, err)
	runNode(t, "rest-compat.mjs",
		"SUPABASE_URL="+s.URL(), "ANON_KEY="+s.AnonKey(), "SERVICE_ROLE_KEY="+s.ServiceRoleKey(), "PUBLISHABLE_KEY="+s.PublishableKey(),
		"SECRET_KEY="+s.SecretKey(), "PASSWORD="+restPassword, "EXPIRED_TOKEN="+expired, "PUBLIC_PACK="+s.publicPack.String(),
		"PRIVATE_PACK="+s.privatePack.String())
}

func TestRESTWithSupabaseGo(t *testing.T) {
	t.Parallel()
	s := startREST(t, "")
	for name, key := range map[string]string{"the anon key": s.AnonKey(), "the publishable key": s.PublishableKey()} {
		client, err := supabase.NewClient(s.URL(), key, nil)
		require.NoError(t, err)
		_, _, err = client.From("pods").Select("*", "", false).Execute()
		require.ErrorContains(t, err, "(42501)", name)
		pod := map[string]any{"pack_id": s.publicPack}

		_, err = client.SignInWithEmailPassword("viewer@example.com", restPassword)
		require.NoError(t, err)
		_, _, err = client.From("pods").Insert(pod, false, "", "", "").Execute()
		require.ErrorContains(t, err, "(42501)", name)
		_, _, err = client.From("packs").Select("id", "", false).Eq("name", "secret").Single().Execute()
		require.ErrorContains(t, err, "(PGRST116)", "a private pack of somebody else")

		dev, err := client.SignInWithEmailPassword("dev@example.com", restPassword)
		require.NoError(t, err)
		var made []struct {
			ID        uuid.UUID
			Status    string
			CreatedBy uuid.UUID `json:"created_by"`
			Packs     struct{ Name string }
		}
		text, _, err := client.From("pods").Insert(pod, false, "", "", "").Execute()
		require.NoError(t, err, name)
		require.NoError(t, json.Unmarshal(text, &made))
		require.Len(t, made, 1)
		require.Equal(t, "pending", made[0].Status)
		require.Equal(t, dev.User.ID, made[0].CreatedBy)
		_, err = client.From("pods").Select("status,created_by,packs(name)", "", false).Eq("id", made[0].ID.String()).ExecuteTo(&made)
		require.NoError(t, err)
		require.Equal(t, "shared", made[0].Packs.Name)
	}
}

func TestRESTWithPostgrestGo(t *testing.T) {
	t.Parallel()
	s := startREST(t, "")
	client := func() *postgrest.Client { // an error of one call stays in a client
		return postgrest.NewClient(s.URL()+"/rest/v1", "public", map[string]string{"apikey": s.SecretKey()})
	}
	require.True(t, client().Ping())
	type book struct {
		ID    int
		Title string
	}
	ids := func(f *postgrest.FilterBuilder) (ids []int) {
		t.Helper()
		var rows []book
		_, err := f.Order("id", &postgrest.OrderOpts{Ascending: true}).ExecuteTo(&rows)
		require.NoError(t, err)
		for _, row := range rows {
			ids = append(ids, row.ID)
		}
		return ids
	}
	books := func() *postgrest.FilterBuilder { return client().From("books").Select("id, title", "", false) }
	require.Equal(t, []int{1}, ids(books().Eq("id", "1")))
	require.Equal(t, []int{2, 3, 4}, ids(books().Neq("id", "1")))
	require.Equal(t, []int{2}, ids(books().Gt("pages", "300").Lt("id", "3")))
	require.Equal(t, []int{1, 2}, ids(books().Gte("pages", "300").Lte("id", "2")))
	require.Equal(t, []int{3}, ids(books().Like("title", "% and %")))
	require.Equal(t, []int{1, 2}, ids(books().Ilike("title", "the*")))
	require.Equal(t, []int{4}, ids(books().Is("pages", "null")))
	require.Equal(t, []int{1, 2, 3}, ids(books().Not("pages", "is", "null")))
	require.Equal(t, []int{1, 3}, ids(books().In("id", []string{"1", "3"})))
	require.Equal(t, []int{2}, ids(books().Contains("tags", []string{"sf", "utopia"})))
	require.Equal(t, []int{1, 2}, ids(books().ContainedBy("tags", []string{"sf", "utopia"})))
	require.Equal(t, []int{1}, ids(books().ContainsObject("data", map[string]any{"lent": true})))
	require.Equal(t, []int{2, 3}, ids(books().Overlaps("tags", []string{"war", "utopia"})))
	require.Equal(t, []int{1, 2}, ids(books().RangeGt("years", "[1900,1950)")))
	require.Equal(t, []int{1}, ids(books().TextSearch("title", "left hand", "english", "plain")))
	require.Equal(t, []int{1, 3}, ids(books().Or("id.eq.1,and(pages.gt.1000,id.gt.2)", "")))
	require.Equal(t, []int{1}, ids(books().Match(map[string]string{"author_id": "1", "pages": "300"})))
	require.Equal(t, []int{2, 3}, ids(books().Range(1, 2, "")))

	text, count, err := client().From("books").Select("*", "exact", true).Execute()
	require.NoError(t, err)
	require.Empty(t, text)
	require.EqualValues(t, 4, count)
	var one struct {
		ID      int
		Authors struct{ Name string }
	}
	_, err = client().From("books").Select("id, authors(name)", "", false).Eq("id", "3").Single().ExecuteTo(&one)
	require.NoError(t, err)
	require.Equal(t, "Tolstoy", one.Authors.Name)
	_, err = client().From("books").Select("id", "", false).Single().ExecuteTo(&one)
	require.ErrorContains(t, err, "(PGRST116)")

	shelf := func(name string, room int) map[string]any { return map[string]any{"name": name, "room": room} }
	_, count, err = client().From("shelves").Insert([]any{shelf("a", 1), shelf("b", 1)}, false, "", "minimal", "exact").Execute()
	require.NoError(t, err)
	require.EqualValues(t, 2, count)
	_, _, err = client().From("shelves").Insert(shelf("a", 1), false, "", "", "").Execute()
	require.ErrorContains(t, err, "(23505)")
	made, _, err := client().From("shelves").Upsert(shelf("a", 2), "name", "", "").ExecuteString()
	require.NoError(t, err)
	require.JSONEq(t, `[{"name":"a","room":2}]`, made)
	_, _, err = client().From("shelves").Update(map[string]any{"room": 3}, "", "").Execute()
	require.ErrorContains(t, err, "(21000)")
	changed, _, err := client().From("shelves").Update(map[string]any{"room": 3}, "", "").Eq("name", "b").ExecuteString()
	require.NoError(t, err)
	require.JSONEq(t, `[{"name":"b","room":3}]`, changed)
	_, count, err = client().From("shelves").Delete("minimal", "exact").Gte("room", "2").Execute()
	require.NoError(t, err)
	require.EqualValues(t, 2, count)

	require.Equal(t, "3", client().Rpc("add", "", map[string]int{"a": 1, "b": 2}))
	require.Contains(t, client().Rpc("thick_books", "exact", map[string]int{"min": 1000}), "War and Peace")
	require.Contains(t, client().Rpc("nope", "", nil), "PGRST202")
}
