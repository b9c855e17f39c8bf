# SPDX-License-Identifier: Apache-2.0
# The verbs of this project; each calls CMake presets or a script that can be called without make.
# `make` alone lists them.
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PREFIX ?= /usr/local
BUILD = cmake --build --preset
.DEFAULT_GOAL := help
.PHONY: help release demo test test-full lint bench install format clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*##/ {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

release: ## the optimised library and the command line tool, in build/release
	@tools/bootstrap build
	@tools/configure release
	@$(BUILD) release -j $(JOBS)

demo: release ## SQL over the committed Parquet sample, with timings
	@tools/demo/run

test: ## the fast test set, under AddressSanitizer and UndefinedBehaviorSanitizer
	@tools/bootstrap test
	@tools/configure asan
	@$(BUILD) asan -j $(JOBS)
	@tools/run-tests asan -LE full -j $(JOBS)

test-full: test ## everything: pairwise modes, whole fault sweep, hostile build, thread sanitizer
	@tools/run-tests asan -L full -j $(JOBS)
	@tools/configure paranoid
	@$(BUILD) paranoid -j $(JOBS)
	@tools/run-tests paranoid -LE full -j $(JOBS)
	@tools/configure tsan
	@$(BUILD) tsan -j $(JOBS)
	@tools/run-tests tsan -L threads -j $(JOBS)
	@$(MAKE) --no-print-directory release
	@tools/bootstrap bench
	@test/differential/run single 1 5000
	@test/differential/run wide 1 5000
	@test/differential/run joins 1 5000
	@test/differential/run windows 1 3000

lint: ## formatting, static analysis, room table, names, symbols, sizes
	@tools/bootstrap lint
	@tools/lint/run --jobs $(JOBS)

bench: release ## answers checked, then medians beside DuckDB and Polars (BENCH="--scale 10")
	@tools/bootstrap bench
	@bench/run $(BENCH)

install: release ## library, headers, pkg-config file and command line tool; PREFIX and DESTDIR
	@cmake --install build/release --strip --prefix $(PREFIX)

format: ## clang-format over the tree, in place
	@tools/lint/format

clean: ## removes build/ only
	@rm -rf build
