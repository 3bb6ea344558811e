package storage

import (
	"encoding/json"
	"mime"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var sizeText = regexp.MustCompile(`^(?i)([0-9]+(?:\.[0-9]+)?)(gb|mb|kb|b)$`)

// sizeLimit reads a bucket's file_size_limit: bytes as a number, or "50MB" (of 1,000 each), or null, which is nil.
// Source: supabase/storage src/storage/limits.ts, parseFileSizeToBytes.
func (s *Server) sizeLimit(raw json.RawMessage) (*int64, error) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, nil
	}
	var bytes float64
	if raw[0] == '"' {
		var text string
		if err := json.Unmarshal(raw, &text); err != nil {
			return nil, errSizeFormat
		}
		m := sizeText.FindStringSubmatch(text)
		if m == nil {
			return nil, errSizeFormat
		}
		n, err := strconv.ParseFloat(m[1], 64)
		if err != nil {
			return nil, errSizeFormat
		}
		bytes = n * map[string]float64{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9}[strings.ToLower(m[2])]
	} else if n, err := strconv.ParseInt(string(raw), 10, 64); err != nil || n < 0 {
		return nil, errSchema("body/file_size_limit must be integer")
	} else {
		bytes = float64(n)
	}
	if bytes > float64(s.cfg.MaxFileSize) {
		return nil, errTooLarge
	}
	limit := int64(bytes)
	return &limit, nil
}

// mediaType is the lower-case "type/subtype" of a content type, without its parameters; "" when it is none. Only a bucket's own entries may
// be wild: "image/*". Source: supabase/storage src/storage/validators/mime-type.ts.
func mediaType(contentType string, mayBeWild bool) string {
	parsed, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return ""
	}
	kind, sub, ok := strings.Cut(parsed, "/")
	if !ok || kind == "" || sub == "" || strings.Contains(kind, "*") || strings.Contains(sub, "/") {
		return ""
	}
	if strings.Contains(sub, "*") && (!mayBeWild || sub != "*") {
		return ""
	}
	return parsed
}

// mimeTypes checks a bucket's allowed_mime_types. Empty strings are left out, as in the original.
func mimeTypes(in []string) ([]string, error) {
	if in == nil {
		return nil, nil
	}
	out := []string{}
	for _, text := range in {
		if text == "" {
			continue
		}
		parsed := mediaType(text, true)
		if parsed == "" || len(text) > 1000 {
			return nil, errMIME(text)
		}
		if !slices.Contains(out, parsed) {
			out = append(out, parsed)
		}
	}
	return out, nil
}

// accepts says whether the bucket takes this content type.
func (b bucket) accepts(contentType string) bool {
	if len(b.MIMETypes) == 0 {
		return true
	}
	asked := mediaType(contentType, false)
	if asked == "" {
		return false
	}
	kind, _, _ := strings.Cut(asked, "/")
	return slices.ContainsFunc(b.MIMETypes, func(allowed string) bool {
		allowed = mediaType(allowed, true) // rows that plain SQL wrote are not in this form
		return allowed == asked || allowed == kind+"/*"
	})
}
