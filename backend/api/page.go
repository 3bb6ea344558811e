package api

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/url"
	"strings"

	"github.com/gofiber/fiber/v2"
)

const (
	typeHTML   = "text/html; charset=utf-8"
	typeCSS    = "text/css; charset=utf-8"
	typeScript = "text/javascript; charset=utf-8"
)

// pageFile is one file of an embedded page, as it is sent.
type pageFile struct {
	kind   string
	policy string // its Content-Security-Policy; "" leaves the strict one of every answer
	shared bool   // pages of other origins may use it
	body   []byte
	tag    string
}

// servedFile names a file of a page, and how it is sent.
type servedFile struct {
	name string
	file pageFile
}

// servePage answers at each path with a file of the page. Errors: a file that is not there.
func (s *Server) servePage(page fs.FS, files map[string]servedFile) error {
	for path, want := range files {
		body, err := fs.ReadFile(page, want.name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(body)
		file := want.file
		file.body, file.tag = body, `"`+hex.EncodeToString(sum[:16])+`"`
		s.app.Get(path, file.send)
	}
	return nil
}

// send answers with the file. Browsers keep it, and ask each time whether it is still the one: a new server has new files under the same names.
func (f pageFile) send(c *fiber.Ctx) error {
	if f.policy != "" {
		c.Set(fiber.HeaderContentSecurityPolicy, f.policy)
	}
	if f.shared {
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	}
	c.Set(fiber.HeaderCacheControl, "no-cache")
	c.Set(fiber.HeaderETag, f.tag)
	if strings.TrimPrefix(c.Get(fiber.HeaderIfNoneMatch), "W/") == f.tag {
		return c.SendStatus(fiber.StatusNotModified)
	}
	c.Set(fiber.HeaderContentType, f.kind)
	return c.Send(f.body)
}

// originOf is scheme://host[:port] of a URL, as a Content-Security-Policy names it; "" if it has none.
func originOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}
