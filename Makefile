# Everything a contributor or CI runs. `make` alone lists the targets; CONTRIBUTING.md says when to use which.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# Tools are built from the Go module proxy at these versions and kept in .tmp/bin, where `make clean` removes them.
GOLANGCI_LINT_VERSION := v2.15.0
GOVULNCHECK_VERSION   := v1.9.0
GREMLINS_VERSION      := v0.6.0
BENCHSTAT_VERSION     := v0.0.0-20260908200009-22c9c6c9d4da
APIDIFF_VERSION       := v0.0.0-20261113113407-e3970619a1a4

TMP   := $(CURDIR)/.tmp
TOOLS := $(TMP)/bin

# The race detector needs cgo, so a C compiler: without one the tests still run, and say so.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)

# Settings of the targets below; a call overrides them: make fuzz FUZZTIME=5m FUZZ=Decode
FUZZTIME  ?= 60s
FUZZ      ?= .
BENCH     ?= .
BENCHTIME ?= 10ms
BASE      ?= main
VULNDB    ?=

# Folders with a go.mod, fixtures aside.
MODULES = $(shell find . \( -name .tmp -o -name testdata \) -prune -o -name go.mod -exec dirname {} \; | sort)

# Those that build and test cover beside the root: bench measures, and is a step of CI by itself.
NESTED = $(filter-out . ./bench,$(MODULES))

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Compile every package and program
	@for module in . $(NESTED); do (cd "$$module" && go build -buildvcs=false -o /dev/null ./...); done

# Nested modules read files beside them, whose changes go test does not see: their results are never from its cache.
.PHONY: test
test: ## Vet, then run all tests but the fault suite with the race detector, the checks of the layout among them
	@$(if $(RACE),,echo 'test: no cgo here, so no race detector' >&2)
	@go vet ./... && go test -timeout 30m $(RACE) $$(go list ./... | grep -v '/internal/faults$$')
	@for module in $(NESTED); do (cd "$$module" && go vet ./... && go test -timeout 30m $(RACE) -count=1 ./...); done

# A process for each time: the programs that tests run make their hub once.
.PHONY: race
race: COUNT ?= 5
race: ## Run all tests COUNT times (5) with the race detector, shuffled, to find what happens seldom
	@for ((i = 0; i < $(COUNT); i++)); do go test -race -timeout 60m -count=1 -shuffle=on ./...; done

.PHONY: fmt
fmt: ## Format all Go files
	@gofmt -s -w $(MODULES)

.PHONY: lint
lint: $(TOOLS)/golangci-lint-$(GOLANGCI_LINT_VERSION) ## Run golangci-lint over every module
	@for module in $(MODULES); do (cd "$$module" && '$<' run --allow-serial-runners --config '$(CURDIR)/.golangci.yml'); done

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME (60s), one after another; FUZZ=regexp selects
	@.ci/fuzz '$(FUZZ)' '$(FUZZTIME)'

.PHONY: faults
faults: ## Run the fault suite and print what it found, fault by fault
	@.ci/faults short

.PHONY: soak
soak: ## The same in its long form: 200 kills, 200,000 tasks in random faults, thousands of random orders; takes an hour
	@.ci/faults long

.PHONY: cover
cover: ## Measure statement coverage; fail below 90 % in codec and taskhawk, 80 % in sqsx and sqscheck
	@.ci/cover codec=90 taskhawk=90 sqsx=80 sqsx/sqscheck=80

.PHONY: mutate
mutate: SAMPLE  ?= 300
mutate: SEED    ?= 1
mutate: WORKERS ?= 0
mutate: $(TOOLS)/gremlins-$(GREMLINS_VERSION) ## Change PKG (./taskhawk) in SAMPLE places (300) drawn by SEED, and list the changes that its tests do not notice
	@.ci/mutate '$<' '$(or $(PKG),./taskhawk)' '$(SAMPLE)' '$(SEED)' '$(WORKERS)'

.PHONY: bench
bench: COUNT ?= 40
bench: bench/go.mod $(TOOLS)/benchstat-$(BENCHSTAT_VERSION) ## Run the benchmarks that match BENCH (all) in COUNT rounds (40), each for BENCHTIME (10ms), and print medians
	@.ci/bench '$(BENCH)' '$(BENCHTIME)' '$(COUNT)' '$(TOOLS)/benchstat-$(BENCHSTAT_VERSION)'

# What freed pages cost differs from kernel to kernel, and decides over a message of 200 KB: either way of the runtime will do.
.PHONY: bench-gate
bench-gate: GOALS ?= goals.json
bench-gate: ONLY ?=
bench-gate: bench/go.mod ## Fail when ours is slower beside the rivals, measured in turns, or allocates more than bench/goals.json allows; ONLY=codec, lambda or transport
	@cd bench && go test ./... && gate() { go run ./gate -goals '$(GOALS)' -only '$(ONLY)'; } && { gate || \
		{ echo 'bench-gate: again, with freed pages kept' && GODEBUG=madvdontneed=0 gate; }; }

.PHONY: bench-table
bench-table: ONLY ?=
bench-table: bench/go.mod ## Print the tables of bench/RESULTS.md, measured in turns as the gate does; ONLY=codec or transport
	@cd bench && GODEBUG=madvdontneed=0 go run ./gate -table -only '$(ONLY)'

.PHONY: bench-worker
bench-worker: bench/go.mod ## Print how busy workers keep their handlers, beside a loop by hand and two libraries; FLAGS=-gate fails when ours does less than the loop
	@cd bench && go run ./worker $(FLAGS)

.PHONY: bench-compare
bench-compare: COUNT ?= 20
bench-compare: BENCH = ././^(taskhawk(-append)?|small|medium|large)$$
bench-compare: bench/go.mod $(TOOLS)/benchstat-$(BENCHSTAT_VERSION) ## Compare our benchmarks with those of revision BASE (main), COUNT rounds (20) in turns
	@.ci/bench-compare '$(BASE)' '$(BENCH)' '$(BENCHTIME)' '$(COUNT)' '$(TOOLS)/benchstat-$(BENCHSTAT_VERSION)'

.PHONY: apidiff
apidiff: BASE = $(shell git describe --tags --abbrev=0 --match 'v*' 2>/dev/null)
apidiff: $(TOOLS)/apidiff-$(APIDIFF_VERSION) ## Compare the exported API with that of revision BASE (the last release)
	@.ci/apidiff '$(TOOLS)/apidiff-$(APIDIFF_VERSION)' '$(BASE)'

.PHONY: e2e
e2e: $(TMP)/e2e/node_modules/.package-lock.json ## Compare the embedded SQS with two others, and run an application on all; needs node, npm
	@cp internal/e2e/node/serve.mjs '$(TMP)/e2e'
	@go vet -tags e2e ./internal/e2e
	@go test -tags e2e -count=1 -parallel 64 ./internal/e2e

.PHONY: e2e-program
e2e-program: KILLS ?= 8
e2e-program: ## Run the operator's program end to end, in a browser if there is one, and stop it KILLS times (8) by each signal
	@mkdir -p '$(TMP)/e2e' && cp internal/e2e/node/serve.mjs '$(TMP)/e2e'
	@cd cmd/taskhawk && go vet -tags e2e ./... && KILLS='$(KILLS)' go test -tags e2e -count=1 -timeout 60m . && \
		go test -tags e2e -count=1 -timeout 20m -run Many ./internal/cli

# The services that e2e compares with: npm takes their versions and checksums from the lock file.
$(TMP)/e2e/node_modules/.package-lock.json: internal/e2e/node/package.json internal/e2e/node/package-lock.json
	@mkdir -p '$(TMP)/e2e' && cp $^ '$(TMP)/e2e' && cd '$(TMP)/e2e' && \
		npm ci --ignore-scripts --no-audit --no-fund --fetch-retries=1 --loglevel=error >/dev/null

.PHONY: install
install: ## Install the operator's program, taskhawk, where go install puts programs
	@go install -C cmd/taskhawk .

.PHONY: demo
demo: ## Run the quickstart: tasks end to end on an embedded SQS
	@go run ./examples/quickstart

.PHONY: demo-lambda
demo-lambda: ## Run the Lambda functions of the example on an embedded runtime, SNS and SQS
	@go run ./examples/lambda

.PHONY: tidy-check
tidy-check: ## Fail when a go.mod or go.sum is not what go mod tidy would write
	@for module in $(MODULES); do (cd "$$module" && go mod tidy -diff) || { \
		echo "tidy-check: run go mod tidy in $$module" >&2; exit 1; }; done

.PHONY: vuln
vuln: $(if $(VULNDB),$(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)) ## Look for known vulnerabilities in VULNDB, a database's address such as file:///srv/vulndb
	@[[ -n '$(VULNDB)' ]] || { \
		echo 'vuln: nothing checked, no database given; set VULNDB to https://vuln.go.dev or to file:// and a copy of it' >&2; \
		exit 2; }
	@for module in $(MODULES); do (cd "$$module" && '$<' -db '$(VULNDB)' -test ./...); done

.PHONY: ci
ci: ## Run what CI runs
	@.ci/run

.PHONY: clean
clean: ## Remove built tools and temporary results
	@rm -rf '$(TMP)'

# A tool's file carries its version, so a new version is built and an old one never used.
$(TOOLS)/golangci-lint-%:
	@echo 'building golangci-lint $* (once, a minute or more)' >&2
	@$(call install,github.com/golangci/golangci-lint/v2/cmd/golangci-lint,$*)

$(TOOLS)/govulncheck-%:
	@$(call install,golang.org/x/vuln/cmd/govulncheck,$*)

$(TOOLS)/gremlins-%:
	@$(call install,github.com/go-gremlins/gremlins/cmd/gremlins,$*)

$(TOOLS)/benchstat-%:
	@$(call install,golang.org/x/perf/cmd/benchstat,$*)

$(TOOLS)/apidiff-%:
	@$(call install,golang.org/x/exp/cmd/apidiff,$*)

# install builds the program $(1) at version $(2) in a folder of its own, outside of any module, and moves it in place.
define install
	mkdir -p '$(TOOLS)/new' && cd '$(TOOLS)/new' && \
	GOBIN='$(TOOLS)/new' GOFLAGS= nice -n 10 go install '$(1)@$(2)' && mv '$(TOOLS)/new/$(notdir $(1))' '$@'
endef

bench/go.mod:
	@echo 'bench: no module in bench/' >&2; exit 1
