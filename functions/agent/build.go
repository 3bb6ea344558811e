package agent

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

// moduleRequire gives the CommonJS dependency inside the ES module its require() of built-ins.
const moduleRequire = `import { createRequire as __createRequire } from "node:module";
const require = __createRequire(import.meta.url);`

const generated = "// Made by `go generate ./functions/agent` from functions/agent/{core,node}. Do not edit."

// Build bundles the agent whose sources are in dir, with what npm installed there, and returns what belongs in dist/agent.mjs. The same
// sources give the same bytes on every machine. Errors: a missing node_modules, which says how to get it, and what esbuild finds wrong.
func Build(dir string) ([]byte, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("build the agent: %w", err)
	}
	license, err := os.ReadFile(filepath.Join(root, "node_modules", "ws", "LICENSE"))
	if err != nil {
		return nil, fmt.Errorf("build the agent: the package ws is not installed; run `npm ci` in functions/agent: %w", err)
	}
	worker, err := bundle(root, "node/worker/main.ts", api.BuildOptions{Format: api.FormatCommonJS})
	if err != nil {
		return nil, fmt.Errorf("build the agent's worker: %w", err)
	}
	// The worker's script travels inside the agent's, as a string.
	quoted, err := json.Marshal(string(worker))
	if err != nil {
		return nil, fmt.Errorf("build the agent: quote its worker: %w", err)
	}
	script, err := bundle(root, "node/main.ts", api.BuildOptions{
		Format: api.FormatESModule,
		Define: map[string]string{"STARK_WORKER_SOURCE": string(quoted)},
		Banner: map[string]string{"js": generated + "\n" + notice("ws", license) + moduleRequire},
		// Optional native helpers of ws, which it does without.
		External: []string{"bufferutil", "utf-8-validate"},
	})
	if err != nil {
		return nil, fmt.Errorf("build the agent: %w", err)
	}
	return script, nil
}

func bundle(root, entry string, o api.BuildOptions) ([]byte, error) {
	o.AbsWorkingDir = root
	o.EntryPoints = []string{entry}
	o.Outfile = "out.js" // a name: nothing is written
	o.Bundle = true
	o.Platform = api.PlatformNode
	o.Target = api.ES2022
	o.Engines = []api.Engine{{Name: api.EngineNode, Version: "20"}}
	o.MinifySyntax = true // folds what the defines decide
	o.LegalComments = api.LegalCommentsInline
	o.LogLevel = api.LogLevelSilent
	o.TsconfigRaw = "{}" // what tsconfig.json says is for the type checker
	built := api.Build(o)
	if len(built.Errors) > 0 {
		return nil, errors.New(strings.Join(api.FormatMessages(built.Errors, api.FormatMessagesOptions{Kind: api.ErrorMessage}), ""))
	}
	if len(built.OutputFiles) != 1 {
		return nil, fmt.Errorf("esbuild made %d files, not one", len(built.OutputFiles))
	}
	return bytes.Clone(built.OutputFiles[0].Contents), nil
}

// notice is the licence of a package as a comment: its terms ask that it goes where the code goes.
func notice(name string, license []byte) string {
	text := strings.ReplaceAll(strings.TrimSpace(string(license)), "\n", "\n * ")
	return strings.ReplaceAll(fmt.Sprintf("/*! %s\n *\n * %s\n */\n", name, text), " \n", "\n")
}
