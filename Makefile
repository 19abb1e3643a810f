# Every target sets itself up in .venv: with uv where it is installed, else with python3 -m venv and pip.
# A stamp says what stands there; a changed pyproject.toml makes it anew.

PYTHON ?= python3
UV ?= $(shell command -v uv 2>/dev/null)
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 2

# the environment of release 4.1 of the official harness, which some tests compare with
HARNESS_41 := $(VENV)/harness-4.1

# both take the environment's folder
ifneq ($(UV),)
MAKE_VENV = $(UV) venv --quiet --allow-existing --python $(PYTHON) $(1)
INSTALL = $(UV) pip install --quiet --python $(1)/bin/python
else
# pip before 25.1 does not know --group
MAKE_VENV = $(PYTHON) -m venv $(1) && $(1)/bin/python -m pip install --quiet --upgrade pip
INSTALL = $(1)/bin/python -m pip install --quiet
endif

.DEFAULT_GOAL := help
.PHONY: help demo test soak soak-data coverage lint bench build clean

help:
	@echo "make demo      run the embedded demo: no key, no Docker, no network once installed"
	@echo "make test      run the tests"
	@echo "make soak      run the tests with full counts: real instances, faults, cheats; an hour or so; needs Docker,"
	@echo "               real rows in the folder that SWEBENCH_SHARED_DATA names, and the images of pypi_rows.jsonl there"
	@echo "make coverage  run the tests with branch coverage"
	@echo "make lint      ruff and mypy"
	@echo "make bench     run the benchmarks"
	@echo "make build     build the wheel and the source archive into dist/"
	@echo "make clean     remove .venv, caches and dist/, never results/"

demo: $(VENV)/.installed
	$(BIN)/python -m pytest -m experiment --outcome capture

test: $(VENV)/.installed-dev
	$(BIN)/python -m pytest -n $(WORKERS)

soak: soak-data $(VENV)/.installed-dev $(VENV)/.installed-harness-4.1
	SWEBENCH_REQUIRE_DOCKER=1 SWEBENCH_HARNESS_PYTHON_41=$(abspath $(HARNESS_41)/bin/python) $(BIN)/python -m pytest -m soak

soak-data:
	@test -f "$$SWEBENCH_SHARED_DATA/pypi_rows.jsonl" || { echo "SWEBENCH_SHARED_DATA='$$SWEBENCH_SHARED_DATA':" \
		"set it to a folder that holds pypi_rows.jsonl and the other real data; the images of its rows must be here"; exit 1; }

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
	@$(call MAKE_VENV,$(VENV))
	@$(call INSTALL,$(VENV)) --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "adding what the tests need"
	@$(call INSTALL,$(VENV)) --editable '.[charts,langsmith,mini]' --group dev
	@touch $@

$(VENV)/.installed-harness-4.1: $(VENV)/.installed
	@echo "adding the official harness 4.1, in an environment of its own"
	@$(call MAKE_VENV,$(HARNESS_41))
	@$(call INSTALL,$(HARNESS_41)) swebench==4.1.0
	@touch $@
