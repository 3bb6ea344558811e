# Everything a person types. `make help` lists it.
SHELL := /bin/sh
GO ?= go
STARK := bin/stark
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null)
TEST_TIMEOUT ?= 10m

.DEFAULT_GOAL := help
.PHONY: help setup build up demo test test-go test-agent bench lint generate clean FORCE

help: ## list the targets
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## check for Go, Node.js and PostgreSQL, and install what Debian can give
	@sh tests/setup.sh

build: $(STARK) ## build bin/stark

$(STARK): FORCE
	@$(GO) build -ldflags "-X main.version=$(VERSION)" -o $(STARK) ./cmd/stark

up: setup build ## start everything on this machine, in the foreground
	@$(STARK) up

demo: setup build ## start a throw-away stack, push two packs, run them, stop everything
	@$(STARK) up --ephemeral --port 0 --api-port 0 --db-port 0 -- docs/examples/demo.sh

test: setup ## run every test: unit, integration, client compatibility, end to end
	@sh tests/setup.sh --tests
	@$(MAKE) --no-print-directory test-agent test-go

test-go: ## the Go tests alone (after `make test` has installed what they need)
	@unformatted=$$(gofmt -l backend cmd functions supabase tests 2>/dev/null | grep -v node_modules || true); \
	  if [ -n "$$unformatted" ]; then echo "not gofmt'ed:"; echo "$$unformatted"; exit 1; fi
	$(GO) vet ./...
	$(GO) test -timeout $(TEST_TIMEOUT) ./...

test-agent: ## the agent's and the console's own tests, in Node.js
	npm --prefix functions/agent test
	npm --prefix functions/console test

bench: ## print the figures, one JSON line each; BENCH=<name> prints one, BENCHFLAGS="-reps 1 -set seconds=5" shortens it
	@$(GO) run ./tests/bench $(BENCHFLAGS) $(BENCH)

lint: ## golangci-lint with the project's chosen linters
	$(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2 run ./...

generate: ## rebuild what is generated and committed: the agent's bundle, the console, the queries, the CLI's reference
	$(GO) generate ./functions/agent ./functions/console
	$(GO) run github.com/sqlc-dev/sqlc/cmd/sqlc@v1.31.1 generate -f sql/sqlc.yaml
	UPDATE_GOLDEN=1 $(GO) test ./cmd/stark -run TestReferenceIsTrue

clean: ## remove what was built
	rm -rf bin functions/agent/.build functions/console/.build
