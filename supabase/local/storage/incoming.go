package storage

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
)

// incoming is an upload's body with what was said about it. Nothing of the file itself is read yet.
type incoming struct {
	body         io.Reader
	length       *int64 // bytes as declared; nil when unknown, as in a form
	contentType  string
	cacheControl string
	metadata     json.RawMessage // the user's own, an object; nil when there is none
}

const (
	maxFormFields   = 10
	maxUserMetadata = 1 << 20
	defaultType     = "application/octet-stream"
	defaultCache    = "no-cache"
)

// readIncoming finds the bytes: the body itself, or the first file of a form.
// Source: supabase/storage src/storage/uploader.ts, fileUploadFromRequest.
func readIncoming(r *http.Request) (incoming, error) {
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Content-Type")), "multipart/form-data") {
		return readForm(r)
	}
	in := incoming{body: r.Body, contentType: r.Header.Get("Content-Type"), cacheControl: r.Header.Get("Cache-Control")}
	if r.ContentLength >= 0 {
		in.length = &r.ContentLength
	}
	if in.contentType == "" {
		in.contentType = defaultType
	}
	if in.cacheControl == "" {
		in.cacheControl = defaultCache
	}
	if raw, err := base64.StdEncoding.DecodeString(r.Header.Get("x-metadata")); err == nil {
		in.metadata = userMetadata(raw)
	}
	return in, nil
}

// userMetadata is text when that is a JSON object. The original ignores anything else, and so it is here.
func userMetadata(text []byte) json.RawMessage {
	var object map[string]any
	if json.Unmarshal(text, &object) != nil || object == nil {
		return nil
	}
	return text
}

// readForm reads the fields before the file, which the clients put last: what comes after it is not looked at.
func readForm(r *http.Request) (incoming, error) {
	form, err := r.MultipartReader()
	if err != nil {
		return incoming{}, errNoContent
	}
	in := incoming{cacheControl: defaultCache}
	for range maxFormFields + 1 {
		part, err := form.NextPart()
		if err != nil {
			return incoming{}, errNoContent
		}
		if isFile(part) {
			in.body = part
			if in.contentType == "" {
				in.contentType = part.Header.Get("Content-Type")
			}
			if in.contentType == "" {
				in.contentType = defaultType
			}
			return in, nil
		}
		if err := in.takeField(part); err != nil {
			return incoming{}, err
		}
	}
	return incoming{}, errNoContent
}

func isFile(part *multipart.Part) bool {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	_, named := params["filename"]
	return err == nil && named || part.FormName() == ""
}

func (in *incoming) takeField(part *multipart.Part) error {
	value, err := io.ReadAll(io.LimitReader(part, maxUserMetadata+1))
	if err != nil {
		return errors.Join(errNoContent, err)
	}
	if len(value) > maxUserMetadata {
		return &Error{Status: "413", Name: "Payload too large", Code: "EntityTooLarge", Message: "The user_metadata exceeded the maximum allowed size"}
	}
	switch part.FormName() {
	case "cacheControl":
		if len(value) > 0 {
			in.cacheControl = "max-age=" + string(value)
		}
	case "contentType":
		in.contentType = string(value)
	case "metadata", "userMetadata":
		in.metadata = userMetadata(value)
	}
	return nil
}
