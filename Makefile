# Every verb works in a fresh clone: it first installs what it needs into .venv and js/node_modules, once.
# The only thing it expects is Python 3.10 or newer; name another one with `make PYTHON=python3.12 test`.

PYTHON ?= $(shell for python in python3.13 python3.12 python3.11 python3.10 python3 python; do \
	$$python -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
JUPYTER_DIRS := JUPYTER_CONFIG_DIR=$(CURDIR)/.venv/etc/user
export PATH := $(CURDIR)/$(BIN):$(PATH)

.DEFAULT_GOAL := help
.PHONY: help demo lab test check fuzz js format pins clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-7s %s\n", $$1, $$2}' Makefile

demo: .venv/demo.done ## run the first notebook on the built-in model: no key, no network
	@$(BIN)/python scripts/demo.py notebooks/01_first_prompt.ipynb

lab: .venv/dev.done ## open the notebooks in JupyterLab
	@$(BIN)/jupyter lab --notebook-dir=notebooks

test: .venv/dev.done ## run every test: Python, browser, JavaScript
	@$(BIN)/python tests/browser/chromium.py
	$(BIN)/pytest -n auto --dist loadgroup
	cd js && npm test

check: .venv/dev.done ## formatting, lint, types, who imports whom, and that static/ is a fresh build of js/
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	cd js && npm run check

fuzz: .venv/dev.done ## the property tests, with many more examples
	HYPOTHESIS_PROFILE=fuzz $(BIN)/pytest -n auto -m "not browser"

js: .venv/dev.done ## build js/src into claude_nb/static
	cd js && npm run build

format: .venv/dev.done ## format the Python files and fix what ruff can fix
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

pins: .venv/dev.done ## renew requirements-*.txt from pyproject.toml
	$(BIN)/uv pip compile -q -U --universal --python-version 3.10 --no-header --no-annotate --group dev pyproject.toml -o requirements-dev.txt
	$(BIN)/uv pip compile -q -U --universal --python-version 3.10 --no-header --no-annotate --group demo pyproject.toml -c requirements-dev.txt -o requirements-demo.txt

clean: ## remove what the other verbs installed
	rm -rf .venv js/node_modules

.venv/demo.done: requirements-demo.txt pyproject.toml | python
	$(PYTHON) scripts/setup.py demo
	@touch $@

.venv/dev.done: requirements-dev.txt pyproject.toml js/package-lock.json | python
	$(PYTHON) scripts/setup.py dev
	@touch .venv/demo.done $@

.PHONY: python
python:
	@test -n "$(PYTHON)" || { echo "No Python 3.10 or newer with venv found. Install one (on Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3"; exit 1; }
