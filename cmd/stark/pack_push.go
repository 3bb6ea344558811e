package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/stark-o/stark/backend/core"
	"github.com/stark-o/stark/backend/wire"
	"github.com/stark-o/stark/cmd/stark/internal/bundle"
	"github.com/stark-o/stark/cmd/stark/internal/output"
	"github.com/stark-o/stark/cmd/stark/internal/progress"
)

const (
	maxBundle   = 50 << 20 // bytes; the limit of the bucket and of the server
	contentType = "text/javascript"
)

var visibilities = []string{"private", "public"}

type pushOptions struct {
	name, version, runtime, visibility string
	public, skipExisting               bool
	bundle.Options
}

func newPackPush(c *cli) *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:     "push [DIR | FILE.js]",
		Aliases: []string{"register"},
		Short:   "Upload a pack and register it",
		Long: `Bundle a folder (or take a bundle that is one ES module already), upload it straight to Supabase Storage and register it.

A registered version never changes: push a higher one. Only you can run a private pack; a public one can be run by the whole team.`,
		Example: `  stark pack push
  stark pack push ./hello --public
  stark pack push dist/hello.js --name hello --version 1.2.0 --runtime node`,
		Args: between(0, 1, ""),
	}
	cmd.Flags().StringVar(&o.name, "name", "", `name of the pack (default "name" of package.json)`)
	cmd.Flags().StringVar(&o.version, "version", "", `semantic version (default "version" of package.json)`)
	cmd.Flags().StringVar(&o.visibility, "visibility", "private", "who may run it: private, public")
	cmd.Flags().BoolVar(&o.public, "public", false, "short for --visibility public")
	cmd.Flags().BoolVar(&o.skipExisting, "skip-existing", false, "succeed when this very bundle is registered under that version already")
	mustComplete(cmd, "visibility", visibilities)
	runtimeFlag(cmd, &o.runtime)
	buildFlags(cmd, &o.Options)
	format := outputFlag(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		f, err := format()
		if err != nil {
			return err
		}
		if o.public {
			o.visibility = "public"
		}
		if !slices.Contains(visibilities, o.visibility) {
			return usage(cmd, "--visibility %q: want private or public", o.visibility)
		}
		pack, verb, err := c.packPush(cmd.Context(), folderOf(args), o)
		if err != nil {
			return err
		}
		if f.People() {
			return c.say("pack/%s %s (%s, %s, sha256:%s)", packName(pack), verb, pack.RuntimeTag, output.Bytes(pack.BundleSize), short(pack.BundleSHA256))
		}
		return output.One(c.printer(f), pack, nil, "pack", packName)
	}
	return cmd
}

// packPush returns the registered version and what was done: pushed, or unchanged.
func (c *cli) packPush(ctx context.Context, source string, o pushOptions) (pack wire.Pack, verb string, err error) {
	conn, err := c.connect() // before any work: is there a login at all?
	if err != nil {
		return wire.Pack{}, "", err
	}
	m, code, err := c.load(source, o)
	if err != nil {
		return wire.Pack{}, "", err
	}
	sum := sha256.Sum256(code)
	create := wire.PackCreate{
		Name: m.Name, Version: m.Version, RuntimeTag: m.Runtime, Description: m.Description,
		Visibility: o.visibility, BundleSHA256: hex.EncodeToString(sum[:]),
	}
	existing, err := taken(ctx, conn, create)
	if err != nil {
		return wire.Pack{}, "", err
	}
	if existing != nil {
		if o.skipExisting && existing.BundleSHA256 == create.BundleSHA256 {
			return *existing, "unchanged", nil
		}
		return wire.Pack{}, "", takenError(create, existing.BundleSHA256 == create.BundleSHA256)
	}
	pack, err = c.register(ctx, conn, create, code)
	return pack, "pushed", err
}

// register uploads a bundle and makes a version of it.
func (c *cli) register(ctx context.Context, conn *connection, create wire.PackCreate, code []byte) (wire.Pack, error) {
	user, err := conn.Whoami(ctx)
	if err != nil {
		return wire.Pack{}, err
	}
	create.BundlePath = fmt.Sprintf("%s/%s/%s/%s.js", user.ID, create.Name, create.Version, short(create.BundleSHA256))
	if err := c.upload(ctx, conn, create.Name+"@"+create.Version, create.BundlePath, code); err != nil {
		return wire.Pack{}, err
	}
	pack, err := conn.CreatePack(ctx, create)
	if err != nil {
		return wire.Pack{}, fmt.Errorf("register the pack: %w", err)
	}
	return pack, nil
}

// load is the manifest, flags included, and the bundle: built from a folder, read from a file.
func (c *cli) load(source string, o pushOptions) (bundle.Manifest, []byte, error) {
	info, err := os.Stat(source)
	if err != nil {
		return bundle.Manifest{}, nil, fmt.Errorf("find the pack: %w", err)
	}
	m := bundle.Manifest{Runtime: core.TagUniversal}
	if info.IsDir() {
		if m, err = bundle.Read(source); err != nil {
			return m, nil, err
		}
	} else if ext := filepath.Ext(source); !slices.Contains([]string{".js", ".mjs"}, ext) {
		return m, nil, hinted("bundle it first: `stark pack bundle DIR`", "%s is not an ES module in a .js or .mjs file", source)
	}
	m.Name = cmp.Or(o.name, m.Name)
	m.Version = cmp.Or(o.version, m.Version)
	m.Runtime = cmp.Or(core.RuntimeTag(o.runtime), m.Runtime)
	if err := m.Check(); err != nil {
		return m, nil, err
	}
	code, err := c.code(source, info, m, o.Options)
	if err == nil && len(code) == 0 {
		err = fmt.Errorf("%s is empty", source)
	}
	if err == nil && len(code) > maxBundle {
		err = tooLarge(int64(len(code)))
	}
	return m, code, err
}

func (c *cli) code(source string, info os.FileInfo, m bundle.Manifest, o bundle.Options) ([]byte, error) {
	if info.IsDir() {
		built, err := c.build(m, o)
		if err != nil {
			return nil, err
		}
		return built.Code, nil
	}
	if info.Size() > maxBundle {
		return nil, tooLarge(info.Size())
	}
	code, err := os.ReadFile(source)
	if err != nil {
		return nil, fmt.Errorf("read the bundle: %w", err)
	}
	return code, nil
}

func tooLarge(size int64) error {
	return hinted("try --minify; `stark pack bundle` shows what takes the room",
		"the bundle has %s and may have %s", output.Bytes(size), output.Bytes(maxBundle))
}

// taken is the registered version of that name and version which the caller can see, or nil.
func taken(ctx context.Context, conn *connection, create wire.PackCreate) (*wire.Pack, error) {
	packs, _, err := conn.Packs(ctx, create.Name, 0)
	if err != nil {
		return nil, err
	}
	for _, p := range packs {
		if p.Name == create.Name && p.Version == create.Version {
			return &p, nil
		}
	}
	return nil, nil
}

func takenError(create wire.PackCreate, same bool) error {
	next := fmt.Sprintf(`raise "version" in package.json or pass --version, e.g. %s`, nextPatch(create.Version))
	if same {
		return hinted("nothing to do; --skip-existing makes this a success", "%s@%s is registered already, with this very bundle", create.Name, create.Version)
	}
	return hinted(next, "%s@%s is registered already with another bundle, and a version never changes", create.Name, create.Version)
}

func (c *cli) upload(ctx context.Context, conn *connection, label, path string, code []byte) error {
	token, err := conn.tokens.Access(ctx)
	if err != nil {
		return err
	}
	project, err := supabaseOf(ctx, conn)
	if err != nil {
		return err
	}
	defer project.Close()
	size := int64(len(code))
	bar := progress.New(c.err, output.IsTerminal(c.err), label, size, c.now)
	err = project.Upload(ctx, token, core.BundleBucket, path, bytes.NewReader(code), size, contentType, bar.Set)
	if errors.Is(err, core.ErrConflict) {
		// The path carries the digest: an earlier push uploaded these very bytes and got no further. The server checks them.
		err = nil
	}
	bar.Finish(err == nil)
	if err != nil {
		return fmt.Errorf("upload the bundle: %w", err)
	}
	return nil
}

func short(sha256 string) string { return sha256[:min(12, len(sha256))] }
