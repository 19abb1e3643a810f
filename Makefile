# Every target sets itself up in .venv: with uv where it is installed, else with python3 -m venv and pip.
# A stamp says what stands there; a changed pyproject.toml makes it anew.

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

ifneq ($(UV),)
MAKE_VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
INSTALL = $(UV) pip install --quiet --python $(BIN)/python
else
# pip before 25.1 does not know --group
MAKE_VENV = $(PYTHON) -m venv $(VENV) && $(BIN)/python -m pip install --quiet --upgrade pip
INSTALL = $(BIN)/python -m pip install --quiet
endif

.DEFAULT_GOAL := help
.PHONY: help demo test soak coverage lint bench build clean

help:
	@echo "make demo      run the embedded demo: no key, no Docker, no network once installed"
	@echo "make test      run the tests"
	@echo "make soak      run the tests with full counts: real instances, faults, cheats; an hour or so"
	@echo "make coverage  run the tests with branch coverage"
	@echo "make lint      ruff and mypy"
	@echo "make bench     run the benchmarks"
	@echo "make build     build the wheel and the source archive into dist/"
	@echo "make clean     remove .venv, caches and dist/, never results/"

demo: $(VENV)/.installed
	$(BIN)/python -m pytest -m experiment --outcome capture

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS)

soak: $(VENV)/.installed-dev
	SWEBENCH_REQUIRE_DOCKER=1 $(BIN)/python -m pytest -m soak

coverage: $(VENV)/.installed-dev
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(WORKERS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/.installed-dev
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

bench: $(VENV)/.installed-dev
	@for script in $$(grep -l __main__ benchmarks/*.py); do echo "== $$script"; $(BIN)/python $$script || exit 1; done

build: $(VENV)/.installed-dev
	$(BIN)/hatchling build -d dist

clean:
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis build dist

$(VENV)/.installed: pyproject.toml
	@echo "setting up $(VENV) (about 560 MB of packages)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@$(MAKE_VENV)
	@$(INSTALL) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "adding what the tests need"
	@$(INSTALL) --editable '.[langsmith,mini]' --group dev
	@touch $@
