# Every verb works in a new clone: once, it first installs what it needs into .venv and js/node_modules.
# It expects only Python 3.10 or newer; `make PYTHON=python3.12 test` uses another one.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3.10 python3 python; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && break; done)
SETUP = $(or $(PYTHON),$(error No Python 3.10 or newer with venv and pip found. On Debian or Ubuntu: \
	apt-get install python3-venv. Elsewhere use: make PYTHON=/path/to/python3)) scripts/setup.py
BIN := .venv/bin
COMPILE = $(BIN)/uv pip compile -q -U --universal --python-version 3.10 --no-header --no-annotate pyproject.toml
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo lab test check check-js fuzz bench bench-quick js format notebooks screenshots pins clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' Makefile

demo: .venv/demo.done ## run the first notebook on the built-in model: no key, no network
	@$(BIN)/python scripts/demo.py notebooks/01_first_prompt.ipynb

lab: .venv/dev.done ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

test: .venv/dev.done ## run every test: Python, browser, JavaScript
	@-$(MAKE) --no-print-directory .venv/litellm.done
	@$(BIN)/python tests/browser/chromium.py
	$(BIN)/pytest -n auto --dist loadgroup -r fE
	cd js && npm test

check: .venv/dev.done ## formatting, lint, types, who imports whom, a fresh build of js/, known vulnerabilities
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(MAKE) --no-print-directory check-js
	$(BIN)/python scripts/audit.py

check-js: .venv/dev.done
	cd js && npm run check

fuzz: .venv/dev.done ## the property tests, with many more examples, and a minute of load
	$(BIN)/python -m pytest -p tests.fuzz -n auto --timeout 1800
	LOAD_S=60 $(BIN)/python -m pytest tests/test_load.py

bench: .venv/dev.done ## measure beside other tools, each in its own .venv; half an hour
	$(BIN)/python -m bench.run

bench-quick: .venv/dev.done ## claude_nb and the floor: counts against budgets; two minutes
	$(BIN)/python -m bench.run --quick

js: .venv/dev.done ## build js/src into claude_nb/render/static
	cd js && npm run build

format: .venv/dev.done ## format the Python files and fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

notebooks: .venv/dev.done ## run every notebook again and save it with its outputs
	$(BIN)/python scripts/notebooks.py notebooks/*.ipynb

screenshots: .venv/dev.done ## take the pictures of the playground in JupyterLab
	$(BIN)/python scripts/screenshots.py

pins: .venv/dev.done ## write requirements-*.txt again from pyproject.toml
	$(COMPILE) --group dev -o requirements-dev.txt
	$(COMPILE) --group demo -c requirements-dev.txt -o requirements-demo.txt
	$(filter-out pyproject.toml,$(COMPILE)) --group litellm -o requirements-litellm.txt

clean: ## remove everything that the other verbs installed
	rm -rf .venv bench/.venvs js/node_modules

.venv/demo.done: requirements-demo.txt pyproject.toml
	$(SETUP) demo
	@touch $@

.venv/dev.done: requirements-dev.txt pyproject.toml js/package-lock.json
	$(SETUP) dev
	@touch .venv/demo.done $@

.venv/litellm.done: requirements-litellm.txt
	$(SETUP) litellm
	@touch $@
