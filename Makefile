# Every target works from a bare clone: it first makes .venv from the hash-checked lock, once.
.DEFAULT_GOAL := help
SHELL := /bin/sh
MAKEFLAGS += --no-print-directory
PYTHONPATH :=
export PYTHONPATH

BIN := .venv/bin
READY := .venv/ready
CHECKED := .venv/checked
CODE := src tests scripts $(if $(wildcard benchmarks/*.py benchmarks/*/*.py),benchmarks)
UV ?= uv
COMPILE := $(UV) pip compile --quiet --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11

.PHONY: help setup demo test check format lint types imports size lock bench wheel clean

help:  ## these lines
	@sed -n 's/^\([a-z]*\):.*##/make \1\t/p' Makefile | expand -t 14

# The stamp holds the folder it was made in: a checkout that was moved, or whose interpreter has gone, is set up again.
ifneq ($(shell test -x $(BIN)/python && cat $(READY) 2>/dev/null),$(CURDIR))
.PHONY: $(READY)
endif
$(READY): requirements/dev.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh
	@printf '%s\n' '$(CURDIR)' > $@

# The checks look at more than rung needs to run: the SDKs of models, and what runs models in a file.
$(CHECKED): $(READY) requirements/models.lock requirements/local.lock
	@sh scripts/setup_models.sh
	@touch $@

setup: $(READY)  ## make .venv

demo: $(READY)  ## see a program being made better, and a cheat fail
	@$(BIN)/rung demo

test: check  ## everything that must hold: make check, then the tests
	@$(BIN)/python -m pytest -q -n 2

check: lint types imports size  ## format, lint, types, import contracts, sizes

format: $(READY)  ## rewrite what `make lint` can put right by itself
	@$(BIN)/ruff check --quiet --fix --exit-zero $(CODE) > /dev/null
	@$(BIN)/ruff format --quiet $(CODE)

lint: $(READY)
	@$(BIN)/ruff check --quiet --output-format concise $(CODE)
	@$(BIN)/ruff format --quiet --check $(CODE)

types: $(CHECKED)
	@$(BIN)/python -m mypy --no-error-summary $(CODE)

imports: $(READY)
	@mkdir -p build
	@$(BIN)/lint-imports --no-cache > build/imports.txt 2>&1 || { cat build/imports.txt; exit 1; }

size: $(READY)  ## length of files and functions, and of the trusted part
	@$(BIN)/python scripts/size.py

lock:  ## pin again, with hashes and without hosts (needs uv)
	@$(COMPILE) pyproject.toml -o requirements/run.lock
	@$(COMPILE) -c requirements/run.lock pyproject.toml requirements/dev.in -o requirements/dev.lock
	@$(COMPILE) -c requirements/dev.lock requirements/models.in -o requirements/models.lock
	@$(COMPILE) -c requirements/models.lock requirements/local.in -o requirements/local.lock

bench: $(READY)  ## what README's numbers come from
	@$(BIN)/python -m benchmarks.engine

wheel: $(READY)  ## dist/*.whl
	@$(BIN)/python -m hatchling build -t wheel -d dist

clean:  ## all that was made here, workspaces excepted
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
