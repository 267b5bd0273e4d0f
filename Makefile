# `make run` and `make test` are the whole set-up: each makes its virtual environments first.

VENV := .venv
PY := $(VENV)/bin/python
DYNAMODB_VENV := .venv-dynamodb
MODELS := var/models
MINUTES := 3
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
SOURCES := novasonic common staff orders appointments conversations voice simulator local tests scripts benchmarks manage.py

.DEFAULT_GOAL := help
.PHONY: help run call test check format lint names types imports faults soak races bench-data demo-data pins clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed-local $(DYNAMODB_VENV)/.installed model ## Start everything on this machine, with no AWS account
	@$(PY) -m local.run

call: $(VENV)/.installed-local ## Call from the terminal: make call TEXT="…" or AUDIO=file.wav [SAVE=reply.wav]
	@TEXT="$$TEXT" AUDIO="$$AUDIO" SAVE="$$SAVE" scripts/call

test: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed model page-types ## Run all tests
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

check: format lint types imports test ## Format, lint, types, import law, tests

format: $(VENV)/.installed-dev ## Write the code the one way
	@$(PY) -m ruff format $(SOURCES)
	@$(PY) -m ruff check --fix-only --quiet $(SOURCES)

lint: $(VENV)/.installed-dev ## Look for mistakes
	@$(PY) -m ruff format --check --quiet $(SOURCES)
	@$(PY) -m ruff check $(SOURCES)

names: $(VENV)/.installed-dev ## Check names and commit subjects against docs/glossary.md
	@$(PY) scripts/check-names.py $(SOURCES)
	@$(PY) scripts/check-commits.py

types: $(VENV)/.installed-dev ## Check the types
	@$(PY) -m mypy $(SOURCES)

imports: $(VENV)/.installed-dev ## Check who may import whom
	@$(VENV)/bin/lint-imports

faults: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## All that can happen to a call, and what the customer notices of it: a table
	@$(PY) -m pytest tests/faults -n 3

soak: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Calls that come and go while everything breaks: make soak MINUTES=3
	@SOAK_MINUTES="$(MINUTES)" $(PY) -m pytest tests/soak

races: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Fifty bookings of one time through REST, admin and voice: one wins
	@$(PY) -m pytest tests/interfaces/test_races.py tests/appointments/test_races.py -s

bench-data: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## What lists cost with 500 and 5,000 records
	@$(PY) benchmarks/data.py

demo-data: $(VENV)/.installed-local ## Put the demo orders and appointments back (while `make run` runs)
	@. var/local.env && $(PY) manage.py seed_orders --fresh && $(PY) manage.py seed_appointments --fresh

pins: $(VENV)/.installed-dev ## Write requirements*.txt anew from pyproject.toml
	@scripts/write-pins

clean: ## Remove the environments and caches; data in var/ stays
	@rm -rf $(VENV) $(DYNAMODB_VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

# What each environment is made from. A changed requirements file installs anew.

$(PY):
	@python=$$(scripts/find-python) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)
	@$(PY) $(PIP_INSTALL) --upgrade pip || echo "pip could not be upgraded; going on with the one that is here."

$(VENV)/.installed-local: requirements-local.txt simulator/pyproject.toml | $(PY)
	@echo "Installing what runs (a few minutes the first time)"
	@scripts/install-local $(PY)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt simulator/pyproject.toml | $(PY)
	@echo "Installing what runs and what tests (a few minutes the first time)"
	@$(PY) $(PIP_INSTALL) -r requirements-dev.txt && $(PY) $(PIP_INSTALL) --no-deps --editable simulator || { echo "The tests' packages could not be installed: see above. This step needs the network once." >&2; exit 1; }
	@touch $@ $(VENV)/.installed-local

$(DYNAMODB_VENV)/.installed: requirements-dynamodb.txt
	@echo "Installing the DynamoDB stand-in"
	@test -x $(DYNAMODB_VENV)/bin/python || "$$(scripts/find-python)" -m venv $(DYNAMODB_VENV)
	@$(DYNAMODB_VENV)/bin/python $(PIP_INSTALL) -r requirements-dynamodb.txt || { echo "The DynamoDB stand-in could not be installed: see above. This step needs the network once." >&2; exit 1; }
	@touch $@

# The compiler that checks the page's types. Without npm those tests are skipped, and say so.
.PHONY: page-types
page-types:
	@command -v npm >/dev/null || exit 0; \
	test node_modules/.package-lock.json -nt package-lock.json || npm ci --silent --no-audit --no-fund || true

# The speech model: without it everything still runs, with typed text.
.PHONY: model
model: $(VENV)/.installed-local
	@$(PY) -m nova_sonic_simulator download-model --models $(MODELS) || true
