//go:build !linux

package postgres

import "os/exec"

// dieWithParent can do nothing on this system: a postmaster that outlives us is ended at the next start (clearLeftover).
func dieWithParent(*exec.Cmd) {}
