# `make help` lists what there is. Everything runs in .venv, which the first target that needs it makes.
.DEFAULT_GOAL := help
.PHONY: help up test check docs stubs bench chaos staging plugin format proto lock clean

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --no-input install --quiet --progress-bar off --require-hashes
SOURCES := proto/generate.py proto/check.py services gateway cli rig bench chaos staging tests docs/site deploy/check clients/python wp-plugin/build.py wp-plugin/translate.py
PROSE := docs README.md CONTRIBUTING.md CHANGELOG.md deploy/runbooks clients/python
UP_OPTIONS := $(if $(PORTS),--port-base $(PORTS)) $(if $(STATE),--state $(STATE))

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  PORTS=9000 uses five ports from 9000 on, STATE=folder another folder, PYTHON=... another Python 3.11"

up: $(VENV)/.installed plugin ## Run everything here, with a database of its own and a sample shop
	@$(BIN)/sedifex up $(UP_OPTIONS)

WORKERS ?= 2
test: $(VENV)/.installed-dev $(VENV)/.installed-docs ## Run all tests, in two processes (WORKERS=0: in one)
	@tests/programs.sh
	$(BIN)/python -m pytest -n $(WORKERS) $(ARGS)

check: $(VENV)/.installed-dev ## Check style, types, spelling, links, what is deployed, the contract and the generated code
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/mypy $(SOURCES)
	$(BIN)/codespell $(PROSE)
	$(BIN)/python docs/site/links.py
	$(BIN)/python -m deploy.check $(addprefix --crds ,$(CRDS))
	$(BIN)/python proto/check.py $(if $(BASE),--base $(BASE))

docs: $(VENV)/.installed-docs ## Build the documentation's site, which the gateway serves at /guide
	@$(BIN)/python -m docs.site.build

stubs: $(VENV)/.installed-dev ## Build a wheel of the Python stubs for other programs, into build/stubs
	@$(BIN)/python clients/python/build.py

bench: $(VENV)/.installed-dev ## Measure, each figure beside its reference (ARGS="--only rpc --seconds 60")
	@$(BIN)/python -m bench $(ARGS)

chaos: $(VENV)/.installed-dev ## Disturb a whole system and count broken promises (ARGS="--only mixed --seed 7")
	@$(BIN)/python -m chaos $(ARGS)

staging: $(VENV)/.installed-dev ## Bring up the production shape here and follow the runbooks on it under load (as root)
	@$(BIN)/python -m staging $(ARGS)

plugin: $(VENV)/bin/python ## Build the WordPress plugin into build/plugin/sedifex.zip
	@$(BIN)/python wp-plugin/build.py

format: $(VENV)/.installed-dev ## Put the code into shape
	$(BIN)/ruff check --fix $(SOURCES)
	$(BIN)/ruff format $(SOURCES)

proto: $(VENV)/.installed-dev ## Put the contract into shape and generate proto/gen from it
	$(BIN)/buf format --write
	$(BIN)/python proto/generate.py --out proto/gen

lock: $(VENV)/.installed-dev ## Lock the newest dependencies that requirements*.in allow, with hashes
	$(BIN)/uv pip compile $(LOCK) requirements.in --output-file requirements.txt
	$(BIN)/uv pip compile $(LOCK) requirements-dev.in --output-file requirements-dev.txt
	$(BIN)/uv pip compile $(LOCK) requirements-docs.in --output-file requirements-docs.txt
LOCK := --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links

clean: ## Remove .venv and what was built; the data in .sedifex stays
	rm -rf $(VENV) build

$(VENV)/bin/python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "Python 3.11 is needed and $(PYTHON) was not found. Install it, or name it: make PYTHON=/path/to/python3.11"; exit 1; }
	@echo "Making $(VENV) ..."
	@$(PYTHON) -m venv $(VENV) || { \
		echo "This Python cannot make virtual environments. On Debian: apt-get install python3.11-venv"; rm -rf $(VENV); exit 1; }

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing what Sedifex needs (once, about half a minute) ..."
	@$(PIP) -r requirements.txt
	@$(BIN)/pip --disable-pip-version-check install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what checks and tests need (once, about half a minute) ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.installed-docs: requirements-docs.txt $(VENV)/.installed-dev
	@echo "Installing what the documentation's site needs (once, a few seconds) ..."
	@$(PIP) -r requirements-docs.txt
	@touch $@
