# `make run` and `make test` need no set-up: each makes its virtual environments first.

VENV := .venv
PY := $(VENV)/bin/python
DYNAMODB_VENV := .venv-dynamodb
BENCH_VENV := .venv-bench
PIPECAT_VENV := .venv-pipecat
VOICES_VENV := .venv-voices
MODELS := var/models
MINUTES := 3
HOW := text,voice
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check
SOURCES := novasonic common staff orders appointments conversations follow_ups business notifications webhooks maintenance voice simulator local tests scripts benchmarks manage.py

# Tests start the server more than a hundred times: without stored bytecode each start compiles all.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help run call test test-fast test-versions coverage mutation-check diagrams check format lint types imports faults drain-proof scenes foreign-clients soak races bench bench-quick bench-data speech-figures demo-data translations pins lambda infra-check check-image audit sbom clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.installed-local $(DYNAMODB_VENV)/.installed model translations ## Start everything on this machine, with no AWS account
	@$(PY) -m local.run

# As typed: make would take "$1" in "¿cuesta $100?" for a variable of its own.
unexport TEXT AUDIO SAVE
call: export CALL_TEXT := $(value TEXT)
call: export CALL_AUDIO := $(value AUDIO)
call: export CALL_SAVE := $(value SAVE)
call: $(VENV)/.installed-local ## Call from the terminal: make call TEXT="…" or AUDIO=file.wav [SAVE=reply.wav]
	@TEXT="$$CALL_TEXT" AUDIO="$$CALL_AUDIO" SAVE="$$CALL_SAVE" scripts/call

test: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed .venv-infrastructure/.installed model page-types ## Run all tests
	@$(PY) -m pytest -n 4 --dist loadfile --no-loadscope-reorder

# The files that have pure tests: to collect all others takes longer than to run these.
PURE_FILES = $$(grep -rl --include='test_*.py' 'mark\.pure' $(1))

test-fast: $(VENV)/.installed-dev ## Run the pure tests (no I/O): under 30 seconds
	@HYPOTHESIS_PROFILE=fast $(PY) -m pytest $(call PURE_FILES,tests) -m "pure and not slow" -n 2 --dist loadfile --quiet -p no:schemathesis

test-versions: $(VENV)/.installed-dev ## Run the pure tests on Python 3.12 and 3.13
	@scripts/test-versions 3.12 3.13

coverage: $(VENV)/.installed-dev ## Measure the branches of pure modules that their own tests cover
	@$(PY) -m pytest $(call PURE_FILES,--exclude=test_engine_properties.py tests) -m pure -n 2 --dist loadfile --quiet -p no:schemathesis --cov --cov-context=test --cov-report=
	@$(PY) scripts/check-coverage.py

mutation-check: $(VENV)/.installed-dev ## Change each row of the call engine's transition tables: a test must fail
	@$(PY) scripts/mutate-call-tables.py

diagrams: $(VENV)/.installed-dev ## Write the state diagrams of the documentation from the transition tables
	@$(PY) scripts/state-diagrams.py

check: lint types imports test ## Everything that must pass: lint, types, import rules, tests

format: $(VENV)/.installed-dev ## Format the code
	@$(PY) -m ruff format $(SOURCES)
	@$(PY) -m ruff check --fix-only --quiet $(SOURCES)

lint: $(VENV)/.installed-dev ## Check format, style, names (docs/glossary.md), ignore comments, prompts, commit subjects
	@$(PY) -m ruff format --check --quiet $(SOURCES)
	@$(PY) -m ruff check $(SOURCES)
	@$(PY) scripts/check-names.py $(SOURCES)
	@$(PY) scripts/check-ignores.py $(SOURCES)
	@$(PY) scripts/check-prompts.py
	@$(PY) scripts/check-commits.py

types: $(VENV)/.installed-dev ## Check the types
	@$(PY) -m mypy $(SOURCES)

imports: $(VENV)/.installed-dev ## Check the import rules
	@$(VENV)/bin/lint-imports

faults: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Break a call in every known way; print what the customer notices: make faults MODEL=amazon.nova-2-5-sonic SILENCE=300
	@$(if $(MODEL),NOVA_SONIC_MODEL_ID=$(MODEL)) FAULTS_TURN_SILENCE_MS=$(SILENCE) FAULT_TIME_FACTOR=1 $(PY) -m pytest tests/faults -n 3

drain-proof: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Stop a server, then fail a Region, under ten live calls: nobody hears 1 s of silence
	@LONGEST_SILENCE_S=1 $(PY) -m pytest tests/faults/test_handover.py tests/faults/test_regions.py -k ten_calls -s -p no:randomly

scenes: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed model ## Play conversations on the whole system: make scenes HOW=text,voice
	@$(if $(MODEL),NOVA_SONIC_MODEL_ID=$(MODEL)) SCENES="$(HOW)" $(PY) -m pytest tests/scenes -n 2 --dist load

foreign-clients: $(VENV)/.installed-dev ## Hold a conversation with Strands, LiveKit, pipecat and Go on the simulator (a gigabyte the first time)
	@FOREIGN_CLIENTS=var/foreign-clients $(PY) -m pytest simulator/tests/clients -p no:randomly

soak: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Run calls for a while as everything fails: make soak MINUTES=3
	@SOAK_MINUTES="$(MINUTES)" $(PY) -m pytest tests/soak

races: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Book one time fifty times at once through REST, admin and voice
	@$(PY) -m pytest tests/interfaces/test_races.py tests/appointments/test_races.py -s

bench: $(VENV)/.installed-dev $(BENCH_VENV)/.installed $(PIPECAT_VENV)/.installed ## Measure the audio path beside other servers: make bench BENCH="--calls 10"
	@$(PY) -m benchmarks.audio $(BENCH)

speech-figures: $(VENV)/.installed-dev $(VOICES_VENV)/.installed model ## Judge the simulator's hearing by two foreign voices: make speech-figures SPEECH=--latency
	@scripts/render-voices $(VOICES_VENV)/bin/python var/voices
	@PYTHONPATH=simulator/tests $(PY) -m benchmarks.speech var/voices $(SPEECH)

bench-quick: $(VENV)/.installed-dev ## Compare the audio path with its floor; fails on a clear loss
	@$(PY) -m benchmarks.audio --quick

bench-data: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Measure lists with 500 and 5,000 records
	@$(PY) -m benchmarks.data

demo-data: $(VENV)/.installed-local ## Restore the demo orders and appointments (while `make run` runs)
	@. var/local.env && $(PY) manage.py seed_orders --fresh && $(PY) manage.py seed_products --fresh && $(PY) manage.py seed_appointments --fresh

translations: $(VENV)/.installed-local ## Compile locale/*/LC_MESSAGES/*.po
	@$(PY) scripts/compile-messages.py

pins: $(VENV)/.installed-dev ## Write requirements*.txt from pyproject.toml, with the newest versions
	@scripts/write-pins

lambda: $(VENV)/.installed-dev ## Build the REST API for AWS Lambda, start it on this machine, print size and times
	@scripts/build-lambda --start

check-image: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed ## Run the Dockerfile's instructions without Docker, start what they make
	@scripts/check-image

infra-check: .venv-infrastructure/.installed .venv-checkov/.installed ## Check the infrastructure: Terraform on a local AWS, checkov, hadolint
	@scripts/infra-check

audit: $(VENV)/.installed-dev $(DYNAMODB_VENV)/.installed .venv-audit/.installed ## Look for secrets, licences that don't fit, known vulnerabilities
	@scripts/audit

sbom: .venv-production/.installed .venv-audit/.installed ## Write what the production environment contains: build/sbom.cdx.json (CycloneDX)
	@mkdir -p build
	@.venv-audit/bin/cyclonedx-py environment --pyproject pyproject.toml --mc-type application --validate \
		--output-reproducible --output-file build/sbom.cdx.json .venv-production
	@echo "build/sbom.cdx.json"

clean: ## Remove environments and caches; data in var/ stays
	@rm -rf .venv .venv-* .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .coverage .coverage.*

# The environments. A changed requirements file installs again.

$(PY):
	@python=$$(scripts/find-python) && echo "Making $(VENV) with $$python" && "$$python" -m venv $(VENV)
	@$(PY) $(PIP_INSTALL) --upgrade pip || echo "pip could not be upgraded; continuing with the installed one."

$(VENV)/.installed-local: requirements-local.txt simulator/pyproject.toml | $(PY)
	@echo "Installing the server and its local stand-ins (a few minutes the first time)"
	@scripts/install-local $(PY)
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt simulator/pyproject.toml | $(PY)
	@echo "Installing the server, its local stand-ins and the test tools (a few minutes the first time)"
	@scripts/install-dev $(PY)
	@touch $@ $(VENV)/.installed-local

$(DYNAMODB_VENV)/.installed: requirements-dynamodb.txt
	@echo "Installing the DynamoDB stand-in"
	@test -x $(DYNAMODB_VENV)/bin/python || "$$(scripts/find-python)" -m venv $(DYNAMODB_VENV)
	@$(DYNAMODB_VENV)/bin/python $(PIP_INSTALL) -r requirements-dynamodb.txt || { echo "The DynamoDB stand-in could not be installed: see above. This step needs the network once." >&2; exit 1; }
	@touch $@

# The servers that the benchmark compares ours with, each with its own packages.
$(BENCH_VENV)/.installed: benchmarks/requirements-stock.txt
$(PIPECAT_VENV)/.installed: benchmarks/requirements-pipecat.txt
$(VOICES_VENV)/.installed: benchmarks/requirements-voices.txt
$(BENCH_VENV)/.installed $(PIPECAT_VENV)/.installed $(VOICES_VENV)/.installed:
	@echo "Installing $(@D) for the benchmark"
	@test -x $(@D)/bin/python || "$$(scripts/find-python)" -m venv $(@D)
	@$(@D)/bin/python $(PIP_INSTALL) -r $< || { echo "The benchmark's packages could not be installed: see above. This step needs the network once." >&2; exit 1; }
	@touch $@

# Nothing but production, for `make sbom`: pip itself is not in it.
.venv-production/.installed: requirements.txt | $(PY)
	@echo "Installing the production environment"
	@rm -rf $(@D) && "$$(scripts/find-python)" -m venv --without-pip $(@D)
	@$(PY) -m pip --python $(@D)/bin/python install --quiet --disable-pip-version-check --only-binary=:all: -r requirements.txt
	@touch $@

.venv-infrastructure/.installed .venv-checkov/.installed .venv-audit/.installed: .venv-%/.installed: requirements-%.txt
	@echo "Installing tools: $*"
	@test -x .venv-$*/bin/python || "$$(scripts/find-python)" -m venv .venv-$*
	@.venv-$*/bin/python $(PIP_INSTALL) -r requirements-$*.txt
	@touch $@

# One environment for each further Python version, e.g. `make test-pure-3.12`.
.PRECIOUS: .venv-3.%/.installed
.venv-3.%/.installed: requirements-dev.txt simulator/pyproject.toml
	@echo "Installing the server and the test tools on Python 3.$*"
	@test -x .venv-3.$*/bin/python || "$$(scripts/find-python 3.$*)" -m venv .venv-3.$*
	@scripts/install-dev .venv-3.$*/bin/python
	@touch $@

test-pure-3.%: .venv-3.%/.installed
	@echo "Pure tests on Python 3.$*"
	@.venv-3.$*/bin/python -m pytest $(call PURE_FILES,tests simulator/tests) -m pure -n 2 --dist loadfile --quiet -p no:schemathesis

# The compiler that checks the page's types. Without npm those tests are skipped with a message.
.PHONY: page-types
page-types:
	@command -v npm >/dev/null || exit 0; \
	test node_modules/.package-lock.json -nt package-lock.json || npm ci --silent --no-audit --no-fund || true

# The speech recognition model. Without it everything still runs, with typed text.
.PHONY: model
model: $(VENV)/.installed-local
	@$(PY) -m nova_sonic_simulator download-model --models $(MODELS) || true
