# Godwit. `make` alone lists the commands.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := list

CACHE := $(CURDIR)/.cache
LINT_VERSION := 2.15.0
LINT := $(CACHE)/golangci-lint-$(LINT_VERSION)
WEB_SOURCES := $(shell find web/src web/public web/index.html web/vite.config.js web/tsconfig.json -type f 2>/dev/null)
VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
FUZZ_TIME ?= 30s

.PHONY: list demo test check bench soak gen golden bin/godwit

list:
	@echo "make demo    build all, move a sample HipChat archive into a server, say where to look"
	@echo "make test    every test: SQLite, a real Postgres, a real browser; installs what is missing"
	@echo "make check   formatting, vet, linters, TypeScript, generated files"
	@echo "make bench   the benchmarks, beside references measured in the same run"
	@echo "make soak    the long tests: crashes, full size, fuzzing"
	@echo "make gen     write generated files again"
	@echo "make golden  write golden files again; review the difference like code"

demo: bin/godwit
	bin/godwit demo

test: bin/godwit
	scripts/need go node cc postgres chromium haproxy age
	cd web && npm test
	GODWIT_BROWSER=1 go test -count=1 -run Journey ./cmd/godwit/
	@# The race detector makes bombs and thousands of rounds ten times as slow: those run without it.
	go test -timeout 40m ./internal/connect/hipchat/ ./internal/store/
	CGO_ENABLED=1 go test -race -short -p 2 -timeout 40m ./...

check: web/node_modules/.package-lock.json $(LINT)
	scripts/need go node
	@out=$$(gofmt -l $$(git ls-files '*.go')); [ -z "$$out" ] || { echo "not formatted (run gofmt -w):"; echo "$$out"; exit 1; }
	go vet ./...
	$(LINT) run ./...
	cd web && npx tsc --noEmit
	scripts/generated

bench: bin/godwit web/node_modules/.package-lock.json web/bench/node_modules/.package-lock.json
	scripts/need go node postgres chromium rsync
	GODWIT_BENCH_MESSAGES=$${GODWIT_BENCH_MESSAGES:-1000000} go test -run '^$$' -bench . -benchtime 1x -timeout 2h ./internal/blob ./internal/store ./internal/connect/... ./internal/archive ./internal/move ./internal/server ./cmd/godwit

soak: bin/godwit
	scripts/need go cc postgres chromium haproxy spin
	docs/model/check
	go test -count=1 -run Whatever ./internal/chat/ -rapid.checks=2000
	go test -tags soak -timeout 4h -count=1 -run 'Kill' ./internal/move/ ./internal/store/
	go test -tags soak -timeout 4h -count=1 -run 'Survives' ./cmd/godwit/
	GODWIT_STOPPED=30s go test -timeout 1h -count=1 -run AClusterSurvives ./cmd/godwit/
	cd web && ROOM_SIZE=50000 node --test test/history.test.mjs
	scripts/fuzz $(FUZZ_TIME)

gen:
	go generate ./...

golden:
	UPDATE_GOLDEN=1 go test -count=1 -run 'Golden|Script|Help' ./cmd/... ./internal/...

# The files that the commands above need.

bin/godwit: web/dist/index.html
	go build -trimpath -ldflags "-s -w -X main.version=$(VERSION)" -o $@ ./cmd/godwit

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build
	@touch $@

web/node_modules/.package-lock.json: web/package.json web/package-lock.json
	scripts/need node
	cd web && npm ci --no-audit --no-fund --prefer-offline
	@touch $@

web/bench/node_modules/.package-lock.json: web/bench/package.json web/bench/package-lock.json
	scripts/need node
	cd web/bench && npm ci --no-audit --no-fund --prefer-offline
	@touch $@

$(LINT):
	scripts/need go
	mkdir -p $(CACHE)
	GOBIN=$(CACHE) GOFLAGS= go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(LINT_VERSION)
	mv $(CACHE)/golangci-lint $@
