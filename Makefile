# Two commands do everything on a fresh machine with Python 3.11+: `make demo` and `make test`.
PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8501
BIN := .venv/bin
STAMP := .venv/.installed
PYTEST := $(BIN)/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help demo run test lint types unit screens frameworks browser bench long peers names corpus format clean

help:  ## list the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

$(STAMP): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Vitrine needs Python 3.11 or newer; try: make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/python -m pip check
	@touch $@

demo: $(STAMP)  ## start the app with sample models that it trains itself
	$(BIN)/python -m registry demo --serve --host $(HOST) --port $(PORT)

run: $(STAMP)  ## start the app empty: the first visitor creates the admin
	$(BIN)/streamlit run app.py --server.address $(HOST) --server.port $(PORT)

test: $(STAMP)  ## everything that must be green
	$(MAKE) --no-print-directory -j 2 lint types
	$(MAKE) --no-print-directory unit screens frameworks browser

lint: $(STAMP)  ## ruff, import-linter, the rules of the house that no linter knows
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports --no-logo
	$(PYTEST) -n 2 -m house

types: $(STAMP)  ## mypy, strict
	$(BIN)/mypy

unit: $(STAMP)  ## the fast tests
	$(PYTEST) -n 4 -m "not browser and not frameworks and not screens and not house and not long"

screens: $(STAMP)  ## every page, opened without a browser
	$(PYTEST) -n 4 -m "screens and not long"

frameworks: $(STAMP)  ## models of every framework in the sandbox, and what starts processes
	$(PYTEST) -n 3 -m "frameworks and not long"

browser: $(STAMP)  ## the app in a real Chromium
	$(PYTEST) -n 2 --dist loadfile --durations 12 -m "browser and not long"

bench: $(STAMP)  ## measure; see docs/performance.md
	$(BIN)/python -m benchmarks

long: $(STAMP)  ## what needs minutes: 500 MB files, kills, many writers
	$(PYTEST) -m long

peers: peers/.installed  ## what we are measured against (MLflow, fickling), in an environment of its own

peers/.installed: benchmarks/requirements.txt
	$(PYTHON) -m venv --clear peers
	peers/bin/python -m pip install --quiet --disable-pip-version-check -r benchmarks/requirements.txt
	peers/bin/python -m pip check
	@touch $@

names: $(STAMP)  ## write the lists of names that model files may ask for; review the difference
	$(BIN)/python -W ignore -m tools.names

corpus: $(STAMP)  ## write what the scanners say of the hostile and the honest files into the docs
	$(BIN)/python -W ignore -m tools.corpus

format: $(STAMP)  ## lay the code out
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## forget the environment and the caches, keep the data
	rm -rf .venv peers .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
