# Every target does its own set-up: Python 3.11 or newer and make are all that must be there.
PYTHON ?= python3
BIN := .venv/bin
LOCKS := requirements/run.txt requirements/sim.txt requirements/dev.txt requirements/bench.txt

.PHONY: demo test check format bench soak pictures lock clean help

help:  ## Say what there is to make.
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: .venv/sim  ## Run everything with virtual sensors; prints the address and opens the dashboard.
	@exec $(BIN)/kinestream demo $(ARGS)

test: .venv/dev  ## Run the tests.
	$(BIN)/python -m pytest $(ARGS)

check: .venv/dev  ## Format, lint, types and import rules.
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev  ## Put the code into the one format.
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

bench: .venv/bench  ## Print speeds as ratios against peers, latency and processor time.
	$(BIN)/python -m tests.bench $(ARGS)

soak: .venv/dev  ## The checks that take minutes.
	$(BIN)/python -m pytest -m soak --timeout 1800 $(ARGS)

pictures: .venv/dev  ## Make the pictures of the documentation from the running demo.
	$(BIN)/python tests/page/pictures.py

lock:  ## Choose the pinned versions anew.
	$(PYTHON) -m venv .venv/lock && .venv/lock/bin/pip install --quiet uv
	.venv/lock/bin/python requirements/lock.py

clean:  ## Remove the environment and what the tools left.
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis artifacts

# One stamp per stage: the demo needs no test tools.
.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Kinestream needs Python 3.11 or newer; $(PYTHON) is older: make PYTHON=python3.12 ..." >&2; exit 2; }
	@$(PYTHON) -m venv .venv \
	  || { rm -rf .venv; \
	       echo "This Python cannot make environments: install its venv package (Debian: apt install python3-venv)." >&2; exit 2; }

.venv/sim: .venv/bin/python requirements/sim.txt pyproject.toml
	@echo "Installing what the demo needs ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/sim.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

.venv/dev: .venv/sim requirements/dev.txt
	@echo "Installing what the tests need ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.txt
	@touch $@

.venv/bench: .venv/dev requirements/bench.txt
	@echo "Installing what the benchmarks compare with ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/bench.txt
	@rm -rf .venv/lib/python*/site-packages/tests  # pyemgpipeline leaves its own there, in the way of ours
	@touch $@
