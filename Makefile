# Everything a person or CI runs. `make help` lists it.
# PYTHON=… chooses the interpreter (3.11 to 3.13) that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys; raise SystemExit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& echo $$p && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint types validate check dev bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Rebuilt when missing, broken, or when the lock or pyproject.toml changed by content.
setup: ## make .venv from the lock, with every hash checked
	@sum=$$(cat requirements.lock pyproject.toml | cksum); \
	if [ "$$sum" = "$$(cat $(VENV)/.installed 2>/dev/null)" ] && $(BIN)/python -c 'import clinical_assets' 2>/dev/null; then exit 0; fi; \
	set -e; \
	if [ -z "$(PYTHON)" ]; then echo "Python 3.11, 3.12 or 3.13 is needed: install it, or name it with PYTHON=…" >&2; exit 1; fi; \
	echo "Setting up $(VENV) from requirements.lock …"; \
	$(BIN)/python -c '' 2>/dev/null || { rm -rf $(VENV); $(PYTHON) -m venv $(VENV); }; \
	if ! $(BIN)/uv --version >/dev/null 2>&1; then \
		$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip --upgrade >/dev/null; \
		awk '/^uv==/{on=1} on{print} on && !/\\$$/{exit}' requirements.lock > $(VENV)/uv.txt; \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $(VENV)/uv.txt; \
	fi; \
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock; \
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation --editable .; \
	echo "$$sum" > $(VENV)/.installed

demo: setup ## raw Pima rows to a released diabetes model
	@$(BIN)/clinical demo

test: setup ## the tests (under 6 minutes on 2 cores)
	$(BIN)/python -m pytest

test-slow: setup ## the long tests: rebuild in a new environment, browser, full runs
	$(BIN)/python -m pytest -m slow --timeout 1200

lint: setup ## ruff and the import layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: setup ## mypy, strict
	$(BIN)/mypy

validate: setup ## load the asset graph as Dagster does
	$(BIN)/dagster definitions validate -w workspace.yaml

check: lint types validate test test-slow ## everything that CI runs

dev: setup ## open the asset graph in the browser
	@$(BIN)/clinical up

bench: setup ## measure speed, as ratios in one run
	$(BIN)/python -m benchmarks

lock: setup ## compile requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 --extra dev -o requirements.lock pyproject.toml

clean: ## remove .venv and every store that runs made
	rm -rf $(VENV) data/store dist build
