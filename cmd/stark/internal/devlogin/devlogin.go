// Package devlogin keeps the accounts that `stark up` makes: one for the person, one for the agent. They are good for the stack of one
// state directory only, which listens on loopback.
package devlogin

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Login is an account of the embedded stack.
type Login struct {
	Email    string `json:"email"`
	Password string `json:"password"`
	Role     string `json:"-"` // of public.users
}

// Logins are the stack's accounts to begin with.
type Logins struct {
	Person Login `json:"person"`
	Agent  Login `json:"agent"`
}

const fileName = "logins.json"

// Load reads the accounts of a state directory, or makes them up and keeps them there, readable by their owner only.
func Load(dir string) (Logins, error) {
	path := filepath.Join(dir, fileName)
	text, err := os.ReadFile(path)
	if err == nil {
		logins := fresh()
		if err := json.Unmarshal(text, &logins); err != nil || logins.Person.Password == "" || logins.Agent.Password == "" {
			return Logins{}, fmt.Errorf("%s is damaged: delete it, and the accounts get new passwords", path)
		}
		return logins, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Logins{}, fmt.Errorf("read the stack's logins: %w", err)
	}
	logins := fresh()
	if text, err = json.MarshalIndent(logins, "", "  "); err != nil {
		return Logins{}, fmt.Errorf("encode the stack's logins: %w", err)
	}
	if err := os.MkdirAll(dir, 0o711); err != nil {
		return Logins{}, fmt.Errorf("keep the stack's logins: %w", err)
	}
	if err := os.WriteFile(path+".new", append(text, '\n'), 0o600); err != nil {
		return Logins{}, fmt.Errorf("keep the stack's logins: %w", err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return Logins{}, fmt.Errorf("keep the stack's logins: %w", err)
	}
	return logins, nil
}

func fresh() Logins {
	return Logins{
		Person: Login{Email: "dev@stark.local", Password: rand.Text(), Role: "admin"},
		Agent:  Login{Email: "agent@stark.local", Password: rand.Text(), Role: "node"},
	}
}
