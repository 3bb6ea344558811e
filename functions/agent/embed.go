// Package agent carries the agents inside the Go binary: the Node.js agent as one file, so that whoever has the binary and Node.js 20 or newer
// needs no npm, and the page that makes a browser tab a node. The sources are TypeScript: core (isomorphic), node and browser (its hosts).
package agent

import (
	"embed"
	"io/fs"
)

//go:generate go run ./internal/generate

// Script is the agent as one ES module, to be run by `node` from a file whose name ends in .mjs. Its environment configures it: see
// node/config.ts.
//
//go:embed dist/agent.mjs
var Script []byte

//go:embed dist/browser.mjs dist/coordinator.js dist/page.js dist/page.css dist/index.html
var dist embed.FS

// Page are the files of the page that makes a browser tab a node, and of the module for other people's pages: index.html, page.css, page.js,
// browser.mjs and coordinator.js.
var Page = mustSub(dist, "dist")

func mustSub(files fs.FS, dir string) fs.FS {
	sub, err := fs.Sub(files, dir)
	if err != nil {
		panic(err) // dir is no path: a mistake in this file
	}
	return sub
}
