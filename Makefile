# Everything a person or CI runs. `make help` lists it.
# PYTHON=… chooses the interpreter (3.11 to 3.13) that .venv is made with.

VENV := .venv
BIN := $(VENV)/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-slow lint types validate check dev bench lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Made anew when missing, broken, moved, of another Python, or not what the lock names.
setup: ## make .venv from the lock, with every hash checked
	@sh .ci/setup "$(PYTHON)"

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

# Not after setup, which refuses a pyproject.toml that is ahead of the lock.
lock: | $(BIN)/uv ## compile requirements.lock again from pyproject.toml
	$(BIN)/uv pip compile --universal --generate-hashes --no-emit-index-url --no-strip-extras --python-version 3.11 --extra dev -o requirements.lock pyproject.toml

$(BIN)/uv:
	@sh .ci/setup "$(PYTHON)"

clean: ## remove .venv and every store that runs made
	rm -rf $(VENV) data/store dist build
