# Two commands are all a newcomer needs: `make demo` and `make test`. Both need Python 3.11 to 3.13 with venv and pip, nothing else.
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	command -v $$p >/dev/null 2>&1 && $$p -c 'import sys, venv, ensurepip; sys.exit(not ((3, 11) <= sys.version_info < (3, 14)))' 2>/dev/null && echo $$p && break; done)
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

.DEFAULT_GOAL := help
.PHONY: help demo stop test pythons .parts check bench chaos format lock schema clean

help:  ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## /  make \1\t/' | expand -t 16

$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "Homeport needs Python 3.11, 3.12 or 3.13 with venv and pip; none was found on the PATH." >&2; \
		echo "hint: install one (Debian: apt-get install python3 python3-venv), or name it: make PYTHON=/path/to/python3.12" >&2; exit 2; }
	@echo "Setting up $(VENV) with $(PYTHON): fetching some ninety packages takes a minute or two ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(VENV)/.dev: requirements-dev.lock $(VENV)/.runtime
	@$(PIP) install --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(VENV)/.runtime  ## Start everything, run a real flow on an agent, show the result and the page's address
	@$(BIN)/python examples/demo.py

stop: $(VENV)/.runtime  ## Stop what the demo left running
	@$(BIN)/python examples/demo.py stop

test: $(VENV)/.dev  ## Run every test (real PostgreSQL, real processes)
	@$(BIN)/python -m pytest -n 2 --dist loadfile $(PYTEST_ARGS)

# Each in an environment of its own, as the first one is made; what is in them is the same, by the lock files.
PYTHONS ?= python3.11 python3.12 python3.13
pythons:  ## The tests of the parts, on every Python that is on the PATH (or in PYTHONS=...)
	@for python in $(PYTHONS); do \
		version=$$($$python -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || \
			{ echo "$$python: not here, left out"; continue; }; \
		$(MAKE) --no-print-directory VENV=.venv-$$version PYTHON=$$python .parts || exit; \
	done

.parts: $(VENV)/.dev
	@$(BIN)/python --version
	@$(BIN)/python -m pytest -q tests/unit tests/contract tests/conformance $(PYTEST_ARGS)

check: $(VENV)/.dev  ## Lint, format, types, import rules
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/mypy --strict typing_tests
	@$(BIN)/basedpyright -p typing_tests
	@$(BIN)/lint-imports

bench: $(VENV)/.dev  ## Print every figure of benchmarks/, ours beside the peer or the floor
	@$(BIN)/python -m benchmarks $(BENCH)

chaos: $(VENV)/.dev  ## Only the tests that kill real processes
	@$(BIN)/python -m pytest -m chaos $(PYTEST_ARGS)

format: $(VENV)/.dev  ## Let the formatter have its way
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

schema: $(VENV)/.dev  ## Export schema.graphql and what is generated from it and from the commands
	@$(BIN)/python -m homeport_control_plane schema > schema.graphql.new
	@mv schema.graphql.new control_plane/homeport_control_plane/schema.graphql
	@cd control_plane/homeport_control_plane && for part in claims:claim event_batch:event_batch; do \
		$(abspath $(BIN))/python -c "import sys; from homeport_control_plane import $${part%%:*} as m; sys.stdout.buffer.write(m.json_schema())" \
		> $${part##*:}.schema.json; done
	@$(BIN)/homeport deployment schema > control_plane/homeport_control_plane/deployment.schema.json
	@$(BIN)/python -m homeport.cli.reference > docs/reference/cli.md
	@$(BIN)/python -m homeport.blocks.reference > docs/reference/blocks.md
	@$(BIN)/python -m homeport.deployments.reference > docs/reference/deployment-yaml.md

lock: $(VENV)/.dev  ## Pin all dependencies anew (needs uv)
	@uv pip compile pyproject.toml --extra all --group build --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -o requirements.lock
	@uv pip compile pyproject.toml --extra all --group build --group dev --universal --python-version 3.11 --generate-hashes \
		--no-header --no-annotate --no-emit-index-url --no-emit-find-links --quiet -c requirements.lock -o requirements-dev.lock

clean:  ## Remove the environment and every cache
	rm -rf $(VENV) .venv-3.* .pytest_cache .mypy_cache .ruff_cache .hypothesis dist
