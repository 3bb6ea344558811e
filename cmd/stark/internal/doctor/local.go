package doctor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/stark-o/stark/cmd/stark/internal/agentproc"
	"github.com/stark-o/stark/cmd/stark/internal/config"
)

// claimedRole is what a JWT says its role is, unverified; "" for what is none.
func claimedRole(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return ""
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct{ Role string }
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.Role
}

func (e *examination) node(ctx context.Context) {
	node, err := agentproc.FindNode(ctx, e.NodePath)
	if err != nil {
		e.found("node.js", nodeMissing, err.Error())
		return
	}
	e.ok("node.js", "%s at %s", node.Version, node.Path)
}

// state tries the state directory, or the nearest one above that exists.
func (e *examination) state(context.Context) {
	const check = "state directory"
	at := e.StateDir
	for {
		info, err := os.Stat(at)
		if err == nil && info.IsDir() {
			break
		}
		up := filepath.Dir(at)
		if up == at || err == nil || !errors.Is(err, fs.ErrNotExist) {
			e.found(check, stateClosed, e.StateDir)
			return
		}
		at = up
	}
	probe, err := os.CreateTemp(at, ".stark-doctor-*")
	if err != nil {
		e.found(check, stateClosed, err.Error())
		return
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		e.found(check, stateClosed, err.Error())
		return
	}
	e.ok(check, "%s can be written", e.StateDir)
}

func (e *examination) config(context.Context) {
	const check = "logins"
	info, err := os.Stat(e.ConfigPath)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	file, loadErr := config.Store{Path: e.ConfigPath}.Load()
	switch {
	case err != nil:
		e.found(check, configBroken, err.Error())
	case loadErr != nil:
		e.found(check, configBroken, loadErr.Error())
	case runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		e.found(check, configLoose, e.ConfigPath)
	default:
		e.ok(check, "%d in %s", len(file.Contexts), e.ConfigPath)
	}
}
