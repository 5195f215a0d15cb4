# Everything happens in .venv; nothing global is changed and nothing is asked.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
ENGINE ?= process
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help demo demo-down test lint format bench clean

help: ## Show the targets
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(READY) ## Make a platform of two services, run it and send real requests through it (ENGINE=docker: in containers)
	@$(BIN)/python examples/shop/demo.py --engine $(ENGINE)

demo-down: $(READY) ## Stop the demo and remove everything that it made
	@$(BIN)/python examples/shop/demo.py --down

test: $(READY) ## Run the whole suite
	@$(BIN)/python -m pytest -n 2 $(ARGS)

lint: $(READY) ## Check style, types and layers
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-cache

format: $(READY) ## Format the code
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

bench: $(READY) ## Measure the figures and print them as a table
	@$(BIN)/python -m benchmarks $(ARGS)

clean: ## Remove the virtual environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache

$(READY): pyproject.toml
	@command -v git >/dev/null || { echo "git is missing: apt-get install git"; exit 1; }
	@python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed"; exit 1; }
	@test -x $(BIN)/python || python3 -m venv $(VENV) || { echo "venv is missing: apt-get install python3-venv"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable .
	@$(BIN)/python -m compileall -q nexus_cli generators/nexus_generators
	@touch $(READY)
