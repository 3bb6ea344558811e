// Package console carries the web console inside the Go binary. The sources are Vue and TypeScript (src); Vite makes three files of them, which
// are committed, so that whoever has the binary, or Go alone, needs no npm.
package console

import (
	"embed"
	"io/fs"
)

//go:generate npm run build

//go:embed dist/index.html dist/app.js dist/app.css
var dist embed.FS

// Page are the files of the console: index.html, app.js and app.css.
var Page = mustSub(dist, "dist")

func mustSub(files fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // dir is no path: a mistake in this file
	}
	return sub
}
