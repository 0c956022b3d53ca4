# Every target works on a fresh clone with Go, gcc and make. `make help` lists them.
GO ?= go
FUZZTIME ?= 20s

.PHONY: help test race load check demo e2e bench bench-writes bench-reads fuzz generate tidy ci

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## all tests that need no network, root or FUSE
	$(GO) test ./...

race: ## the same under the race detector
	$(GO) test -race ./...

load: ## the conformance suite while 64 others write (a minute)
	LITEFWD_LOAD=1 $(GO) test -count=1 -run TestUnderLoad ./internal/conformance

check: ## formatting, vet, tidy modules, and what the root package links
	@test -z "$$(gofmt -l $$(git ls-files '*.go' | grep -v '\.pb\.go$$'))" || { gofmt -l .; echo "run gofmt -w"; exit 1; }
	$(GO) vet ./...
	$(GO) mod tidy -diff
	cd bench/writes && $(GO) vet ./... && $(GO) mod tidy -diff

demo: ## three processes, one killed: the product in a minute
	$(GO) run ./cmd/litefwd demo

bench: ## all benchmarks, in interleaved pairs
	$(GO) test -run '^$$' -bench . -benchmem ./...

e2e: ## all tests on real LiteFS, and a table of them (Linux, root, FUSE; 5 minutes)
	cd e2e && $(GO) vet ./... && $(GO) test ./table && $(GO) mod tidy -diff && (cd litefs && $(GO) mod tidy -diff)
	cd e2e && { $(GO) test -count=1 -timeout 20m -parallel 8 -json . ./ncruces || true; } | $(GO) run ./table

bench-writes: ## writes on real LiteFS against the bare driver (Linux, root, FUSE; 5 minutes), WRITES=flags
	bin=$$(mktemp -d) && trap 'rm -rf "$$bin"' EXIT && \
	(cd e2e/litefs && $(GO) build -o $$bin/litefs github.com/superfly/litefs/cmd/litefs) && \
	cd bench/writes && LITEFS_BIN=$$bin/litefs $(GO) run . $(WRITES)

bench-reads: ## reads on real LiteFS against the bare driver (Linux, root, FUSE; 5 minutes), READS=flags
	bin=$$(mktemp -d) && trap 'rm -rf "$$bin"' EXIT && \
	(cd e2e/litefs && $(GO) build -o $$bin/litefs github.com/superfly/litefs/cmd/litefs) && \
	LITEFS_BIN=$$bin/litefs $(GO) run ./bench/reads $(READS)

fuzz: ## each fuzz target for FUZZTIME
	@for target in $$(grep -rho --include='*_test.go' 'func Fuzz[A-Za-z0-9]*' . | awk '{print $$2}' | sort -u); do \
		pkg=$$(grep -rl --include='*_test.go' "func $$target(" . | head -1 | xargs dirname); \
		echo "== $$target in $$pkg"; $(GO) test -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) $$pkg || exit 1; \
	done

generate: ## the protobuf code (needs protoc, Debian's protobuf-compiler)
	$(GO) generate ./internal/wire

tidy: ## go.mod and go.sum
	$(GO) mod tidy

ci: check test race load ## what a submission must pass
	$(GO) run ./cmd/litefwd demo --lines 2000
	$(MAKE) e2e
	$(MAKE) bench-writes WRITES='-runs 1 -each 500ms -only caller'
	$(MAKE) bench-reads READS='-runs 1 -each 500ms'
