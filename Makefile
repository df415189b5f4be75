# EtwBroker. "make help" lists the targets; docs/CONTRIBUTING.md says where things go.
#
# This file holds the targets people type. .setup/build.mk builds one configuration (a compiler, a host, a
# sanitizer) in build/<configuration>; .setup/ also installs what a target needs; tests/run.sh runs and counts.

export ETW_VERSION := 0.1.0

# Packages and sources are looked for once; the stamps go with build/ (make distclean).
SETUP := build/.setup
JOBS  ?= $(shell nproc)

# ETW_CORPUS: the folder of .etl files and goldens. Tests that need it are skipped (and say so) when there is none.
ETW_CORPUS ?= $(abspath ../shared/corpus)
export ETW_CORPUS

# Seconds for each target of "make fuzz".
FUZZ_SECONDS ?= 300

SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory
.PHONY: help run test all linux win64 unit e2e wine-test torture asan tsan fuzz-smoke fuzz bench lint format \
        format-check check-layers dist clean distclean

# A make that was given -j hands its job server on; else use every core.
build = $(MAKE) $(if $(filter --jobserver%,$(MAKEFLAGS)),,-j$(JOBS)) -f .setup/build.mk CONFIG=$1 $2

help:                   ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile
	@echo "  Version $(ETW_VERSION). ONLY=NAME narrows unit, e2e, wine-test and fuzz; FILTER=SUITE/TEST the units."

# ---- Build and run ---------------------------------------------------------------------------------------------

run: linux              ## build for Linux, replay a sample trace through the broker, watch it, show the profile
	@.setup/demo.sh build/linux

all: linux win64        ## both builds

linux: $(SETUP)/run     ## build/linux: etwbroker, etwctl, libetwclient, etlgen
	@$(call build,linux,all)

win64: $(SETUP)/test    ## build/win64: the same for Windows (mingw-w64)
	@$(call build,win64,all)

# For tests/run.sh: one configuration and one group of build.mk, for example build-linux-asan GROUP=units.
build-%: $(SETUP)/test
	@$(call build,$*,$(or $(GROUP),all))

# ---- Tests -----------------------------------------------------------------------------------------------------

# Every stage in one run with one closing count. The TSan units are those of the rooms that have threads.
TSAN_ROOMS := platform,source,watch,serve,client
TEST_STAGES := check:layers check:format \
               unit:linux e2e:linux unit:linux-clang unit:linux-asan torture:linux-asan unit:linux-tsan:$(TSAN_ROOMS) \
               unit:win64 e2e:win64 fuzz:10 check:lint

test: $(SETUP)/test     ## everything below but the long fuzzing, on both hosts, with one closing count
	@tests/run.sh $(TEST_STAGES)

unit: $(SETUP)/test     ## unit tests, Linux, gcc
	@tests/run.sh unit:linux

e2e: $(SETUP)/test      ## end-to-end tests, Linux
	@tests/run.sh e2e:linux

wine-test: $(SETUP)/test ## unit and end-to-end tests of the Windows programs, under Wine
	@tests/run.sh unit:win64 e2e:win64

asan: $(SETUP)/test     ## unit and torture tests with address and undefined-behaviour sanitizers
	@tests/run.sh unit:linux-asan torture:linux-asan

torture: $(SETUP)/test  ## torture tests: each allocation and call fails in turn
	@tests/run.sh torture:linux-asan

tsan: $(SETUP)/test     ## unit tests of the threaded rooms with the thread sanitizer
	@tests/run.sh unit:linux-tsan:$(TSAN_ROOMS)

fuzz-smoke: $(SETUP)/test ## every fuzz target for 10 seconds
	@tests/run.sh fuzz:10

fuzz: $(SETUP)/test     ## every fuzz target for FUZZ_SECONDS (300); the corpus in build/fuzz/corpus grows
	@tests/run.sh fuzz:$(FUZZ_SECONDS)

bench: $(SETUP)/run     ## measure, as ratios against peers in the same run
	@$(call build,linux,all benches)
	@BUILD=build/linux tests/bench/run.sh

# ---- Checks ----------------------------------------------------------------------------------------------------

check-layers:           ## the include ladder
	@.setup/check-layers.sh --self-test && .setup/check-layers.sh

# Shell-sorted, so that a diagnostic is found again; generated files are not formatted.
C_FILES = $(sort $(shell find broker client idl tests powershell -name '*.[ch]' 2>/dev/null))

format-check: $(SETUP)/test ## clang-format would change nothing
	@$(if $(C_FILES),clang-format --dry-run -Werror $(C_FILES),true)

format: $(SETUP)/test   ## let clang-format change it
	@$(if $(C_FILES),clang-format -i $(C_FILES),true)

lint: $(SETUP)/test     ## clang-tidy and cppcheck
	@$(call build,linux-clang,tidy) && $(call build,win64,tidy)
	@.setup/cppcheck.sh

# ---- Packages, cleaning ----------------------------------------------------------------------------------------

dist: all $(SETUP)/dist ## build/dist: the Linux and the Windows archive, stripped
	@.setup/dist.sh

clean:                  ## remove what was compiled; fetched sources and the Wine prefix stay
	@rm -rf build/linux build/linux-* build/win64 build/fuzz build/dist build/lint build/test-logs build/demo

distclean:              ## remove build/
	@if [ -d build/wine/prefix ]; then .setup/wine.sh stop; fi
	@rm -rf build

$(SETUP)/%: .setup/setup.sh .setup/fetch.sh
	@.setup/setup.sh $*
	@mkdir -p $(@D) && touch $@
