# The targets a person or a machine calls; what they do is in scripts/, demo/ and benchmarks/. By `exec` a signal that ends
# make ends what it started, and not a shell between them.
PREFIX ?= /usr/local
DESTDIR ?=
BINARY := .build/release/uncloud-node

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 22

build: ## the release binary, .build/release/uncloud-node
	@scripts/install-deps build && scripts/build

demo: ## two real guests, their metadata, an attack, a crash; leaves nothing behind (KEEP=1: leaves it running)
	@exec env KEEP=$(KEEP) demo/run

test: ## everything that must hold, as root; at most 16 minutes on 2 cores
	@exec scripts/test

test-full: ## what takes long, in parts: PART=debug|tsan|asan|fuzz-messages|fuzz-elements|fuzz-protocols|crash|demo|stress|differential, all in turn if none is named; resumable
	@exec env PART=$(PART) scripts/test-full

bench: ## the benchmarks beside nginx and a C server, as root: ONLY=word[,word] picks rows
	@exec env ONLY=$(ONLY) benchmarks/run

count: ## what a metadata request costs the server: allocations, system calls, jobs, instructions
	@exec benchmarks/count

fuzz: ## the fuzz targets for SECONDS=60 each
	@exec env SECONDS_EACH=$(or $(SECONDS),60) scripts/fuzz

lint: ## format, house rules, imports, documents, shell
	@scripts/install-deps test && scripts/lint

models: ## every state of the protocols between nodes and store (docs/design/models), by Spin
	@scripts/install-deps test && scripts/check-models

format: ## rewrites the sources in the house's format
	@swift format --in-place --parallel --recursive Sources Tests Examples fuzz Package.swift benchmarks/Package.swift

install: ## the binary, its short name ucn, completions and the systemd unit below DESTDIR and PREFIX
	@DESTDIR=$(DESTDIR) PREFIX=$(PREFIX) scripts/install

clean: ## removes what was built and cached here
	@rm -rf .build .build-* .cache benchmarks/.build

.DEFAULT_GOAL := help
.PHONY: help build demo test test-full bench count fuzz lint models format install clean
