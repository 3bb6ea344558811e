// Package logging makes the logger of the long-running commands: text for people, JSON for machines.
package logging

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// New writes to w. format is "text" (the default) or "json", level is debug, info, warn or error; fallback counts when level is empty.
func New(w io.Writer, format, level string, fallback slog.Level) (*slog.Logger, error) {
	at := fallback
	if level != "" {
		if err := at.UnmarshalText([]byte(level)); err != nil {
			return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
		}
	}
	options := &slog.HandlerOptions{Level: at}
	switch strings.ToLower(format) {
	case "", "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log format %q: want text or json", format)
}
