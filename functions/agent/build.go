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

const generated = "// Made by `go generate ./functions/agent` from functions/agent/{core,node,browser}. Do not edit."

// Build bundles the agents whose sources are in dir, with what npm installed there, and returns the files that belong in dist, by name. The
// same sources give the same bytes on every machine. Errors: a missing node_modules, which says how to get it, and what esbuild finds wrong.
func Build(dir string) (map[string][]byte, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("build the agent: %w", err)
	}
	licenses, err := readLicenses(root, "ws", "@vue/reactivity", "@vue/shared")
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, build := range []func(root string, licenses map[string]string, files map[string][]byte) error{buildNode, buildBrowser} {
		if err := build(root, licenses, files); err != nil {
			return nil, err
		}
	}
	return files, nil
}

func buildNode(root string, licenses map[string]string, files map[string][]byte) error {
	worker, err := bundle(root, "node/worker/main.ts", api.BuildOptions{Format: api.FormatCommonJS, Platform: api.PlatformNode})
	if err != nil {
		return fmt.Errorf("build the agent's worker: %w", err)
	}
	quoted, err := quote(worker)
	if err != nil {
		return err
	}
	script, err := bundle(root, "node/main.ts", api.BuildOptions{
		Format:   api.FormatESModule,
		Platform: api.PlatformNode,
		// The worker's script travels inside the agent's, as a string.
		Define: map[string]string{"STARK_WORKER_SOURCE": quoted},
		Banner: banner(licenses["ws"] + vue(licenses) + moduleRequire),
		// Optional native helpers of ws, which it does without.
		External: []string{"bufferutil", "utf-8-validate"},
	})
	if err != nil {
		return fmt.Errorf("build the agent: %w", err)
	}
	files["agent.mjs"] = script
	return nil
}

// buildBrowser makes the module with both workers' scripts inside, the coordinator's for pages that name it by URL, and Stark's own page.
func buildBrowser(root string, licenses map[string]string, files map[string][]byte) error {
	small := api.BuildOptions{Format: api.FormatIIFE, Platform: api.PlatformBrowser, MinifyWhitespace: true}
	pod, err := bundle(root, "browser/pod/main.ts", small)
	if err != nil {
		return fmt.Errorf("build the browser's pod worker: %w", err)
	}
	podSource, err := quote(pod)
	if err != nil {
		return err
	}
	small.Define = map[string]string{"STARK_POD_SOURCE": podSource}
	small.Banner = banner(vue(licenses))
	if files["coordinator.js"], err = bundle(root, "browser/coordinator/main.ts", small); err != nil {
		return fmt.Errorf("build the browser agent's coordinator: %w", err)
	}
	coordinator, err := quote(files["coordinator.js"])
	if err != nil {
		return err
	}
	files["browser.mjs"], err = bundle(root, "browser/page/agent.ts", api.BuildOptions{
		Format: api.FormatESModule, Platform: api.PlatformBrowser, Banner: banner(""),
		Define: map[string]string{"STARK_COORDINATOR_SOURCE": coordinator},
	})
	if err != nil {
		return fmt.Errorf("build the browser agent: %w", err)
	}
	files["page.js"], err = bundle(root, "browser/page/page.ts", api.BuildOptions{
		Format: api.FormatESModule, Platform: api.PlatformBrowser, Banner: banner(""),
		// The page names the coordinator by URL, so that its policy is its own.
		Define: map[string]string{"STARK_COORDINATOR_SOURCE": `""`},
	})
	if err != nil {
		return fmt.Errorf("build the browser agent's page: %w", err)
	}
	for _, name := range []string{"page.css", "index.html"} {
		if files[name], err = os.ReadFile(filepath.Join(root, "browser", "page", name)); err != nil {
			return fmt.Errorf("build the browser agent's page: %w", err)
		}
	}
	return nil
}

// esModules of Vue, for Node.js too: what is not used falls away from them, and not from what Node.js itself would take.
var esModules = map[string]string{
	"@vue/reactivity": "@vue/reactivity/dist/reactivity.esm-bundler.js",
	"@vue/shared":     "@vue/shared/dist/shared.esm-bundler.js",
}

func bundle(root, entry string, o api.BuildOptions) ([]byte, error) {
	o.AbsWorkingDir = root
	o.EntryPoints = []string{entry}
	o.Outfile = "out.js" // a name: nothing is written
	o.Bundle = true
	o.Target = api.ES2022
	if o.Platform == api.PlatformNode {
		o.Engines = []api.Engine{{Name: api.EngineNode, Version: "20"}}
	}
	o.Define = withProduction(o.Define)
	o.Alias = esModules
	o.MinifySyntax = true // folds what the defines decide
	o.LegalComments = api.LegalCommentsInline
	o.Charset = api.CharsetUTF8
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

// withProduction tells Vue that nobody develops it here.
func withProduction(define map[string]string) map[string]string {
	all := map[string]string{"process.env.NODE_ENV": `"production"`}
	for name, value := range define {
		all[name] = value
	}
	return all
}

// quote makes a script the text of a string in another.
func quote(script []byte) (string, error) {
	quoted, err := json.Marshal(string(script))
	if err != nil {
		return "", fmt.Errorf("build the agent: quote a worker's script: %w", err)
	}
	return string(quoted), nil
}

func banner(text string) map[string]string {
	return map[string]string{"js": strings.TrimRight(generated+"\n"+text, "\n")}
}

func vue(licenses map[string]string) string {
	return licenses["@vue/reactivity"] + licenses["@vue/shared"]
}

// readLicenses returns the licence of each package as a comment: their terms ask that it goes where the code goes.
func readLicenses(root string, names ...string) (map[string]string, error) {
	notices := map[string]string{}
	for _, name := range names {
		license, err := os.ReadFile(filepath.Join(root, "node_modules", filepath.FromSlash(name), "LICENSE"))
		if err != nil {
			return nil, fmt.Errorf("build the agent: the package %s is not installed; run `npm ci` in functions/agent: %w", name, err)
		}
		text := strings.ReplaceAll(strings.TrimSpace(strings.ReplaceAll(string(license), "\r\n", "\n")), "\n", "\n * ")
		notices[name] = strings.ReplaceAll(fmt.Sprintf("/*! %s\n *\n * %s\n */\n", name, text), " \n", "\n")
	}
	return notices, nil
}
