package agentproc

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Credentials are how an agent proves who it is; the agent replaces the file when its tokens rotate.
type Credentials struct {
	SupabaseURL  string `json:"supabaseUrl"`
	AnonKey      string `json:"anonKey"`
	AccessToken  string `json:"accessToken,omitempty"`
	RefreshToken string `json:"refreshToken,omitempty"`
	Email        string `json:"email,omitempty"`
	Password     string `json:"password,omitempty"`
}

// CredentialsPath is where an agent's credentials are, unless it is told otherwise.
func CredentialsPath(home string) string { return filepath.Join(home, "credentials.json") }

// Write replaces the file as a whole; only its owner can read it.
func (c Credentials) Write(path string) error {
	text, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return fmt.Errorf("encode credentials: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write credentials: %w", err)
	}
	return nil
}
