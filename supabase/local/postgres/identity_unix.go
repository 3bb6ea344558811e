//go:build unix

package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// identity is the operating-system user that the server runs as. PostgreSQL refuses to run as root, so root hands over to `postgres` or,
// where there is no such user, to `nobody`.
type identity struct {
	uid, gid uint32
	name     string
	switched bool // other than this process's own
}

func chooseIdentity() (identity, error) {
	if uid := os.Geteuid(); uid != 0 {
		return identity{uid: uint32(uid), gid: uint32(os.Getegid()), name: strconv.Itoa(uid)}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return identity{}, fmt.Errorf("user %s: %w", name, err)
		}
		if uid != 0 {
			return identity{uid: uint32(uid), gid: uint32(gid), name: name, switched: true}, nil
		}
	}
	return identity{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to hand over to: start this as another user")
}

func (id identity) credential() *syscall.Credential {
	if !id.switched {
		return nil
	}
	return &syscall.Credential{Uid: id.uid, Gid: id.gid, Groups: []uint32{id.gid}}
}

// own gives path and all below it to the identity. It does nothing unless the identity differs from this process's.
func (id identity) own(path string) error {
	if !id.switched {
		return nil
	}
	return filepath.WalkDir(path, func(p string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(p, int(id.uid), int(id.gid))
	})
}

// owns says whether path belongs to the identity already.
func (id identity) owns(path string) (bool, error) {
	info, err := os.Stat(path)
	if err != nil {
		return false, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && st.Uid == id.uid, nil
}

// reaches checks that the identity can walk down to dir, and names the directory that is in the way.
func (id identity) reaches(dir string) error {
	if !id.switched {
		return nil
	}
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrDir, err)
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok && !id.enters(info.Mode(), st) {
			return fmt.Errorf("%w: Postgres runs as user %s, who may not enter %s: run `chmod o+x %s` or choose a directory elsewhere",
				ErrDir, id.name, at, at)
		}
		if at == filepath.Dir(at) {
			return nil
		}
	}
}

func (id identity) enters(mode fs.FileMode, st *syscall.Stat_t) bool {
	switch {
	case st.Uid == id.uid:
		return mode&0o100 != 0
	case st.Gid == id.gid:
		return mode&0o010 != 0
	default:
		return mode&0o001 != 0
	}
}
