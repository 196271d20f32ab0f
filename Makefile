# Everything a newcomer or a CI needs. `make verify` and `make test` set up by themselves.
#
#   make verify                          the main job, on the embedded reference server
#   make verify TARGET=https://...       a deployment of yours (credentials: SEATRIAL_ADMIN, SEATRIAL_TOKEN, ...)
#   make verify TARGET=... LOAD=1 YES=1  and a short load against it
#   make test                            this project's own tests
#   make browser                         what those need to look at the report in a browser; skipped by name without
#   make picture                         docs/report.png, the first screen of reports/example
#   make test-openwebui                  the same against a released Open WebUI, which is installed for it
#   make detection                       what is found of every fault, into docs/detection.md: some ten hours on two
#                                        cores; interrupt it as you like, it goes on where it was (JOBS=2, ARGS=...)
#   make bench                           how well the load is measured, beside other tools, into docs/benchmarks.md:
#                                        some eight hours; it goes on where it was, too. Other tools are installed first
#                                        (make bench-peers: some GB in the cache; without it they are left out)
#   make gate                            how often `compare` is wrong, into docs/comparing.md: some five hours, likewise
#   make lint                            ruff, mypy, import directions; with Node the contract and the workflows too

PYTHON ?= python3
VENV   := .venv
READY  := $(VENV)/.ready
BIN    := $(VENV)/bin
REDOCLY := @redocly/cli@2.77.0
AXE     := axe-core@4.14.1

.PHONY: setup verify test browser picture test-openwebui detection bench bench-peers gate lint lint-code lint-spec lint-workflows format lock wheel clean
.DELETE_ON_ERROR:

setup: $(READY)

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Seatrial needs Python 3.11 or newer; set PYTHON=")'
	@echo "setting up $(VENV) (once)"
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

verify: $(READY)
	@$(BIN)/seatrial verify $(TARGET) $(if $(TARGET),$(if $(LOAD),--load),--load) $(if $(YES),--yes) $(ARGS)

test: $(READY)
	@$(BIN)/python -m pytest -q -n 2 --dist loadscope $(ARGS)

browser: $(READY)
	@npm install --silent --no-save --no-audit --no-fund --prefix $(VENV)/axe $(AXE)
	@command -v chromium || { echo "no browser: apt-get install chromium"; exit 1; }

picture: $(READY)
	@$(BIN)/python .ci/picture.py

test-openwebui: $(READY)
	@$(BIN)/python -m pytest -m openwebui $(ARGS)

JOBS ?= 2

detection: $(READY)
	@$(BIN)/python benchmarks/unseen_score.py --jobs $(JOBS) $(ARGS)
	@$(BIN)/python benchmarks/false_alarms.py --jobs $(JOBS) $(ARGS)
	@$(BIN)/python benchmarks/detection.py --jobs $(JOBS) $(ARGS)
	@$(BIN)/python benchmarks/stock_schemathesis.py --jobs $(JOBS) $(ARGS)
	@$(BIN)/python benchmarks/stock_schemathesis.py --report $(ARGS)
	@$(BIN)/python benchmarks/detection.py --report $(ARGS)

# A bound that is missed does not end the rest: the page says what was held.
BENCHMARKS := accuracy endings rate memory soak faults_under_load

bench-peers: $(READY)
	@$(BIN)/python benchmarks/peers.py

bench: $(READY) bench-peers
	-@for one in $(BENCHMARKS); do echo "== $$one"; $(BIN)/python benchmarks/$$one.py $(ARGS); [ $$? -lt 130 ] || exit 130; done
	-@echo "== capacity"; $(BIN)/python benchmarks/capacity_openwebui.py --database sqlite --database postgres $(ARGS)
	@$(BIN)/python benchmarks/load_report.py

gate: $(READY)
	@$(BIN)/python benchmarks/gate.py --openwebui $(ARGS)

lint: lint-code lint-spec lint-workflows

lint-code: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

lint-spec:
	@npx --yes $(REDOCLY) lint openapi.yaml

lint-workflows: $(READY)
	@$(BIN)/python .ci/lint_workflows.py

format: $(READY)
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-emit-index-url --no-header --python-version 3.11 \
		--group dev pyproject.toml -o requirements.lock

wheel: $(READY)
	@$(BIN)/hatchling build -t wheel

clean:
	@rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
