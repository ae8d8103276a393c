# Every target sets up what it needs in .venv; nothing needs root, Docker or a running service.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCKS := .ci/requirements
PIP := $(BIN)/pip --quiet --disable-pip-version-check --no-input install --require-hashes

# The package as it lies here, for its command `dossier`; all that it needs has been installed by then.
ITSELF := $(BIN)/pip --quiet --disable-pip-version-check --no-input install --no-index --no-deps --no-build-isolation --editable .

# Ctrl-C (exit code 130) is an end that somebody wished for, and nothing to complain of.
QUIETLY := trap : INT;
UNLESS_STOPPED := || { code=$$?; [ $$code = 130 ] || exit $$code; }
NAME_PYTHON := name another one, 3.11 or newer, with: make PYTHON=/path/to/python3

.DEFAULT_GOAL := help
.PHONY: help demo demo-stack run test test-all heavy mutants bench check openapi viewer lock clean

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: $(VENV)/demo ## do the main job on sample data, and say where the archive lies
	@$(QUIETLY) $(BIN)/python -m app demo $(UNLESS_STOPPED)

demo-stack: $(VENV)/stack ## the same on two APIs, two workers, PostgreSQL, Valkey and SeaweedFS, started for it
	@$(QUIETLY) $(BIN)/python -m tests.demo_stack $(UNLESS_STOPPED)

run: $(VENV)/demo ## serve the same sample, and print a key
	@$(QUIETLY) $(BIN)/python -m app demo --serve $(UNLESS_STOPPED)

# The journeys of silence look at the time that things take, so nothing runs beside them. Before them whole files are
# handed out as they are named: the long ones first, so that the short ones fill what is left at the end.
BESIDE := tests/clients tests/broken tests/journey tests/contract tests/api tests/unit tests/shape
test: $(VENV)/test ## run all tests, on real servers started for them
	@$(BIN)/python -m pytest -n 4 --dist loadfile --no-loadscope-reorder $(BESIDE) --ignore tests/journey/test_silence.py
	@$(BIN)/python -m pytest tests/journey/test_silence.py

# What the machine lacks is named at the end, each with the line that would get it, and is no failure. The oldest
# PostgreSQL that is served runs here, the newest in every `make test`.
test-all: $(VENV)/test ## run what needs node, MariaDB, PostgreSQL 16 or other unpackers, and name what could not run
	@$(BIN)/python -m pytest -m everywhere -n 2 --dist loadfile tests/api tests/broken tests/clients tests/contract tests/shape
	@$(BIN)/python -m pytest -m everywhere tests/journey
	@$(BIN)/python -m pytest -m everywhere tests/everywhere

heavy: $(VENV)/test ## run what takes minutes: 200 exports through every fault
	@$(BIN)/python -m pytest -m heavy -s

mutants: $(VENV)/test ## plant small defects, one at a time, and name those that no test notices (20 minutes)
	@$(BIN)/python -m tests.mutants

bench: $(VENV)/test ## measure exports and searches, each beside a floor of the same run (about half an hour)
	@for what in engine wide_row sqlite mariadb search sealing search_beside_exports beside_silence waiting members viewer \
	  strangers enumeration erasing; do \
	  echo "== $$what"; $(BIN)/python -m bench.$$what || exit 1; done

check: $(VENV)/test ## lint, types, and whether the contract breaks clients of the last release
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy
	@$(BIN)/python -m app openapi --against openapi/released.json

openapi: $(VENV)/test ## write openapi/openapi.json anew
	@$(BIN)/python -m app openapi > openapi/openapi.json

viewer: $(VENV)/test ## write app/archive/viewer.html anew, and say its SHA-256, which CHANGELOG.md names
	@$(BIN)/python -m app viewer > app/archive/viewer.new && mv app/archive/viewer.new app/archive/viewer.html
	@sha256sum app/archive/viewer.html

lock: $(VENV)/test ## pin the dependencies anew
	@$(PIP) -r $(LOCKS)/lock.txt
	@for extra in run demo stack test lock; do $(LOCKS)/compile $(BIN)/uv $$extra; done

clean: ## remove the environment and everything made by demo and run
	@rm -rf $(VENV) var

$(VENV)/demo: $(LOCKS)/demo.txt pyproject.toml | $(VENV)/made
	@echo "Installing what the demo needs into $(VENV) ..."
	@$(PIP) -r $< && $(ITSELF) && touch $@

$(VENV)/stack: $(LOCKS)/stack.txt pyproject.toml | $(VENV)/made
	@echo "Installing what the demo and its servers need into $(VENV) ..."
	@$(PIP) -r $< && $(ITSELF) && touch $@

$(VENV)/test: $(LOCKS)/test.txt pyproject.toml | $(VENV)/made
	@echo "Installing what the tests need into $(VENV) ..."
	@$(PIP) -r $< && $(ITSELF) && touch $@

$(VENV)/made:
	@command -v "$(PYTHON)" >/dev/null || { echo "$(PYTHON) is not here, or cannot be run; $(NAME_PYTHON)" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "$(PYTHON) is older than Python 3.11; $(NAME_PYTHON)" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) >/dev/null || \
	  { rm -rf $(VENV); echo "python3-venv is missing; on Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@touch $@
