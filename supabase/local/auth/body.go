package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// readJSON reads a request's body into v. Unknown members are ignored, as GoTrue does.
func readJSON(r *http.Request, v any) error {
	text, err := readBody(r)
	if err != nil {
		return err
	}
	return parseJSON(text, v)
}

func readBody(r *http.Request) ([]byte, error) {
	text, err := io.ReadAll(r.Body)
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return nil, &Error{HTTP: http.StatusRequestEntityTooLarge, Code: codeValidation,
			Message: fmt.Sprintf("Request body is larger than %d bytes", tooLong.Limit)}
	}
	if err != nil {
		return nil, badRequest(codeBadJSON, "Could not read request body")
	}
	return text, nil
}

func parseJSON(text []byte, v any) error {
	if err := json.Unmarshal(text, v); err != nil {
		return badRequest(codeBadJSON, "Could not parse request body as JSON: %v", err)
	}
	return nil
}

// writeJSON sends v; when v cannot be encoded nothing is sent yet.
func writeJSON(w http.ResponseWriter, status int, v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("auth: encode response: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the client may be gone
	return nil
}
