package store

import (
	"context"
	"errors"

	"github.com/Masterminds/semver/v3"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/store/internal/db"
	"github.com/stark-o/stark/backend/wire"
)

// CreatePack registers a version of a pack for the actor. The caller has read the bundle: in.BundleSHA256 (hex) and size (bytes) are what it
// measured. CONFLICT when the version exists or the name is another user's, FORBIDDEN when the role may not.
func (s *Store) CreatePack(ctx context.Context, actor core.Actor, in wire.PackCreate, size int64) (wire.Pack, error) {
	arg := db.InsertPackParams{
		Name: in.Name, Version: in.Version, RuntimeTag: string(in.RuntimeTag), Visibility: in.Visibility, BundlePath: in.BundlePath,
		BundleSha256: in.BundleSHA256, BundleSize: size, Description: in.Description, Metadata: orEmpty(in.Metadata, "{}"),
	}
	if arg.Visibility == "" {
		arg.Visibility = "private"
	}
	var pack wire.Pack
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.InsertPack(ctx, arg)
		if err != nil {
			return mapError("insert pack", err)
		}
		pack = packOf(db.ListPacksRow(row))
		return nil
	})
	return pack, err
}

// Pack reads one version of a pack; NOT_FOUND when the actor may not see it.
func (s *Store) Pack(ctx context.Context, actor core.Actor, id uuid.UUID) (wire.Pack, error) {
	var pack wire.Pack
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.GetPack(ctx, id)
		if err != nil {
			return notFound("get pack", "pack", err)
		}
		pack = packOf(db.ListPacksRow(row))
		return nil
	})
	return pack, err
}

// ListPacks lists what the actor may see, newest first, and gives the cursor of the next page.
func (s *Store) ListPacks(ctx context.Context, actor core.Actor, f wire.PackFilter) (packs []wire.Pack, next string, err error) {
	after, size := slice(f.Slice)
	err = s.asActor(ctx, actor, func(q *db.Queries) error {
		rows, err := q.ListPacks(ctx, db.ListPacksParams{Name: f.Name, AfterAt: after.CreatedAt, AfterID: after.ID, PageSize: size})
		packs, next = page(rows, size, packOf, func(p wire.Pack) wire.Cursor { return wire.Cursor{CreatedAt: p.CreatedAt, ID: p.ID} })
		return mapError("list packs", err)
	})
	return packs, next, err
}

// UpdatePack changes what the patch gives of one version. CONFLICT when the revision has moved on.
func (s *Store) UpdatePack(ctx context.Context, actor core.Actor, id uuid.UUID, patch wire.PackPatch) (wire.Pack, error) {
	var pack wire.Pack
	err := s.asActor(ctx, actor, func(q *db.Queries) error {
		row, err := q.UpdatePack(ctx, db.UpdatePackParams{
			ID: id, Visibility: patch.Visibility, Description: patch.Description, Metadata: patch.Metadata, Revision: patch.Revision,
		})
		if !errors.Is(err, pgx.ErrNoRows) {
			pack = packOf(db.ListPacksRow(row))
			return mapError("update pack", err)
		}
		found, err := q.GetPack(ctx, id)
		if err == nil && patch.Revision != nil && found.Revision != *patch.Revision {
			return outdated(found.Revision)
		}
		return refusedUnless("update pack", "pack", err)
	})
	return pack, err
}

// DeletePack deletes one version. CONFLICT while pods refer to it.
func (s *Store) DeletePack(ctx context.Context, actor core.Actor, id uuid.UUID) error {
	return s.asActor(ctx, actor, func(q *db.Queries) error {
		n, err := q.DeletePack(ctx, id)
		if err != nil || n > 0 {
			return mapError("delete pack", err)
		}
		_, err = q.GetPack(ctx, id)
		return refusedUnless("delete pack", "pack", err)
	})
}

// resolvePack finds which pack a new pod is of, among those the caller may see.
func resolvePack(ctx context.Context, q *db.Queries, in wire.PodCreate) (uuid.UUID, error) {
	if in.PackID != nil {
		if _, err := q.GetPack(ctx, *in.PackID); err != nil {
			return uuid.Nil, missing(err, "packId", "there is no pack %s that you may use", *in.PackID)
		}
		return *in.PackID, nil
	}
	versions, err := q.PackVersions(ctx, in.Pack)
	if err != nil {
		return uuid.Nil, mapError("pack versions", err)
	}
	if len(versions) == 0 {
		return uuid.Nil, core.Invalid("pack", "there is no pack %q that you may use", in.Pack)
	}
	id, found := pickVersion(versions, in.Version)
	if !found {
		return uuid.Nil, core.Invalid("version", "pack %q has no version %q", in.Pack, in.Version).WithHint(`Leave version out, or say "latest", for the highest.`)
	}
	return id, nil
}

// pickVersion finds a version; "" and "latest" are the highest by semver precedence, a prerelease only if there is nothing else.
func pickVersion(versions []db.PackVersionsRow, want string) (id uuid.UUID, found bool) {
	var best *semver.Version
	for _, row := range versions {
		if want != "" && want != "latest" {
			if row.Version == want {
				return row.ID, true
			}
			continue
		}
		v, err := semver.StrictNewVersion(row.Version)
		if err != nil {
			continue // numbers beyond 64 bits pass the database's pattern; such a version must be named
		}
		if best == nil || higher(v, best) {
			best, id = v, row.ID
		}
	}
	return id, id != uuid.Nil
}

func higher(a, b *semver.Version) bool {
	if released := a.Prerelease() == ""; released != (b.Prerelease() == "") {
		return released
	}
	if c := a.Compare(b); c != 0 {
		return c > 0
	}
	return a.Metadata() > b.Metadata() // precedence ignores build metadata: choose the same one every time
}

func packOf(r db.ListPacksRow) wire.Pack {
	return wire.Pack{
		ID: r.ID, Name: r.Name, Version: r.Version, RuntimeTag: core.RuntimeTag(r.RuntimeTag), OwnerID: r.OwnerID, Visibility: r.Visibility,
		BundlePath: r.BundlePath, BundleSHA256: r.BundleSha256, BundleSize: r.BundleSize, Description: r.Description,
		Metadata: orEmpty(r.Metadata, "{}"), CreatedAt: r.CreatedAt, Revision: r.Revision,
	}
}
