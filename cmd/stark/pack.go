package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/output"
)

func newPack(c *cli) *cobra.Command {
	cmd := group("pack", "Bundle, push and look at packs",
		newPackInit(c),
		newPackBundle(c),
		newPackPush(c),
		newPackList(c),
		newPackVersions(c),
		newPackInspect(c),
		newPackVisibility(c),
		newPackDelete(c),
	)
	cmd.Aliases = []string{"packs"}
	return cmd
}

// packKind are versions of packs; with a name, of one pack.
func packKind(name string) kind[wire.Pack] {
	return kind[wire.Pack]{
		name: "pack", aliases: []string{"packs"}, watched: wire.WatchPacks,
		list: func(ctx context.Context, conn *connection, s selection) ([]wire.Pack, bool, error) {
			return conn.Packs(ctx, name, s.limit)
		},
		find: func(ctx context.Context, conn *connection, _, ref string) (wire.Pack, error) {
			return findPack(ctx, conn, ref)
		},
		remove:   removePack,
		columns:  func(now func() time.Time, _ bool) []output.Column[wire.Pack] { return packColumns(now) },
		fields:   packFields,
		title:    packName,
		identity: func(p wire.Pack) (string, int64) { return p.ID.String(), p.Revision },
		admits:   func(p wire.Pack) bool { return name == "" || p.Name == name },
		none:     "no packs: push one with `stark pack push`",
	}
}

// removePack deletes a version, and then its bundle, which nothing refers to any more. A bundle that stays takes room, but no more than that.
func removePack(ctx context.Context, conn *connection, p wire.Pack) (done string, err error) {
	if err := conn.DeletePack(ctx, p.ID); err != nil {
		return "", err
	}
	if err := removeBundle(ctx, conn, p.BundlePath); err != nil && !errors.Is(err, core.ErrNotFound) {
		return "deleted; its bundle stays in Storage: " + face(err), nil
	}
	return "deleted", nil
}

func removeBundle(ctx context.Context, conn *connection, path string) error {
	token, err := conn.tokens.Access(ctx)
	if err != nil {
		return err
	}
	project, err := supabaseOf(ctx, conn)
	if err != nil {
		return err
	}
	defer project.Close()
	return project.Remove(ctx, token, core.BundleBucket, path)
}

func packFields(now time.Time, p wire.Pack) []output.Field {
	owner := ""
	if p.OwnerID != nil {
		owner = p.OwnerID.String()
	}
	return []output.Field{
		{Label: "Name", Value: p.Name},
		{Label: "Version", Value: p.Version},
		{Label: "ID", Value: p.ID.String()},
		{Label: "Description", Value: p.Description},
		{Label: "Runtime", Value: string(p.RuntimeTag)},
		{Label: "Visibility", Value: p.Visibility},
		{Label: "Owner", Value: owner},
		{Label: "Bundle", Value: p.BundlePath},
		{Label: "Size", Value: output.Bytes(p.BundleSize)},
		{Label: "SHA256", Value: p.BundleSHA256},
		{Label: "Metadata", Value: someJSON(p.Metadata, "null")},
		{Label: "Created", Value: moment(now, &p.CreatedAt)},
	}
}

var runtimeTags = []string{string(core.TagNode), string(core.TagBrowser), string(core.TagUniversal)}

// splitPack reads PACK, PACK:VERSION or PACK@VERSION.
func splitPack(ref string) (name, version string) {
	ref = trimKind(ref, "pack")
	if i := strings.IndexAny(ref, ":@"); i > 0 {
		return ref[:i], ref[i+1:]
	}
	return ref, ""
}

func packName(p wire.Pack) string { return p.Name + "@" + p.Version }

func packColumns(now func() time.Time) []output.Column[wire.Pack] {
	return []output.Column[wire.Pack]{
		{Title: "NAME", Cell: func(p wire.Pack) string { return p.Name }},
		{Title: "VERSION", Cell: func(p wire.Pack) string { return p.Version }},
		{Title: "RUNTIME", Cell: func(p wire.Pack) string { return string(p.RuntimeTag) }},
		{Title: "VISIBILITY", Cell: func(p wire.Pack) string { return p.Visibility }},
		{Title: "SIZE", Cell: func(p wire.Pack) string { return output.Bytes(p.BundleSize) }},
		{Title: "AGE", Cell: func(p wire.Pack) string { return output.Age(now(), p.CreatedAt) }},
		{Title: "ID", Wide: true, Cell: func(p wire.Pack) string { return p.ID.String() }},
		{Title: "SHA256", Wide: true, Cell: func(p wire.Pack) string { return p.BundleSHA256 }},
		{Title: "DESCRIPTION", Wide: true, Cell: func(p wire.Pack) string { return p.Description }},
	}
}

// findPack is the version that ref names. Without a version there must be only one.
func findPack(ctx context.Context, conn *connection, ref string) (wire.Pack, error) {
	if id, ok := asID(ref); ok {
		return conn.Pack(ctx, id)
	}
	name, version := splitPack(ref)
	all, _, err := conn.Packs(ctx, name, 0)
	if err != nil {
		return wire.Pack{}, err
	}
	var names []string
	for _, p := range all {
		if p.Version == version || version == "" && len(all) == 1 {
			return p, nil
		}
		names = append(names, packName(p))
	}
	switch {
	case len(all) == 0:
		return wire.Pack{}, hinted("`stark pack list` shows those that you may see", "there is no pack %q", name)
	case version == "":
		return wire.Pack{}, hinted("name one of "+strings.Join(names, ", "), "pack %q has %d versions", name, len(all))
	}
	return wire.Pack{}, hinted("there are "+strings.Join(names, ", "), "pack %q has no version %s", name, version)
}

// byVersion compares two packs, the newer version first; what is no semantic version comes last.
func byVersion(a, b wire.Pack) int {
	va, errA := semver.StrictNewVersion(a.Version)
	vb, errB := semver.StrictNewVersion(b.Version)
	switch {
	case errA != nil && errB != nil:
		return strings.Compare(b.Version, a.Version)
	case errA != nil:
		return 1
	case errB != nil:
		return -1
	}
	return vb.Compare(va)
}

// nextPatch is a version to suggest after a taken one.
func nextPatch(version string) string {
	v, err := semver.StrictNewVersion(version)
	if err != nil {
		return "the next one"
	}
	return v.IncPatch().String()
}

// runtimeFlag is shared by bundle and push.
func runtimeFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "runtime", "", fmt.Sprintf("where it runs: %s (default \"stark\".\"runtime\" of package.json, then universal)", strings.Join(runtimeTags, ", ")))
	mustComplete(cmd, "runtime", runtimeTags)
}
