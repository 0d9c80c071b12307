# Two commands do everything on a fresh Debian machine with Go and Node:
# make demo and make test.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
LINT := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
WEB := $(shell find web/src web/public web/index.html web/package-lock.json web/vite.config.js web/tsconfig.json -type f 2>/dev/null)

.PHONY: help demo test check bench soak gen golden
help: ## lists these
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*##/\t/' | expand -t 10

demo: bin/godwit ## the main job: a server, a sample HipChat archive moved into it, and where to look
	@scripts/demo

test: ## all tests: SQLite, a real Postgres, a real browser; installs what is missing
	@scripts/install-tools
	@$(MAKE) bin/godwit
	go test -race -timeout 30m ./...
	cd web && npm test
	@scripts/test-demo

check: ## formatting, vet, linters, types, generated files
	@scripts/install-tools
	@test -z "$$(gofmt -l cmd internal web/embed.go)" || { echo "not formatted:"; gofmt -l cmd internal web/embed.go; exit 1; }
	@$(MAKE) web/dist/index.html
	go vet ./...
	$(LINT) run
	cd web && npm run check
	@$(MAKE) gen
	@git diff --exit-code -- web/src/api.gen.ts || { echo "generated files are out of date: commit what make gen wrote"; exit 1; }

bench: ## the benchmarks, each with its reference measured in the same run
	@scripts/install-tools
	@scripts/bench

soak: ## the long ones: kills, fuzzing, full size
	@scripts/install-tools
	@scripts/soak

gen: ## writes generated files
	go run ./internal/api/tsgen > web/src/api.gen.ts.new
	mv web/src/api.gen.ts.new web/src/api.gen.ts

golden: ## writes golden files; look at the difference before you commit it
	UPDATE_GOLDEN=1 go test ./cmd/... ./internal/...

bin/godwit: web/dist/index.html $(shell find cmd internal -name '*.go' -not -name '*_test.go') go.mod
	go build -trimpath -o $@ ./cmd/godwit

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund --loglevel=error

web/dist/index.html: web/node_modules/.package-lock.json $(WEB)
	cd web && npm run build
