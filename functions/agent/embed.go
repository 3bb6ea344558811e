// Package agent carries the Node.js agent, built into one file, inside the Go binary: whoever has the binary and Node.js 20 or newer needs
// no npm. The sources are TypeScript, in core (isomorphic) and node (its host).
package agent

import _ "embed"

//go:generate go run ./internal/generate

// Script is the agent as one ES module, to be run by `node` from a file whose name ends in .mjs. Its environment configures it: see
// node/config.ts.
//
//go:embed dist/agent.mjs
var Script []byte
