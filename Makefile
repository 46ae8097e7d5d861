# Two commands do all the set-up: `make run` and `make test`. Python 3.11+ and make are enough.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: run test test-long lint format ui bench demo clean environment

run: environment
	@$(BIN)/trading-pipeline run $(ARGS)

# Two workers share the machine's cores, so each computes on one thread.
test: environment
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest $(ARGS)

test-long: environment
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "long or not long" $(ARGS)

lint: environment
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

format: environment
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ui: environment
	@$(BIN)/trading-pipeline ui $(ARGS)

bench: environment
	@$(BIN)/python -m trading_pipeline_tests.bench $(ARGS)

demo: environment
	@$(BIN)/trading-pipeline demo $(ARGS)

clean:
	rm -rf $(VENV) .trading_pipeline .pytest_cache .mypy_cache .ruff_cache .hypothesis dist

environment: $(STAMP)

# uv installs from the lock in seconds; it comes into the environment by pip itself.
$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 to 3.13 is needed; this is " + sys.version.split()[0] + ". Try: make run PYTHON=python3.11" if not (3, 11) <= sys.version_info < (3, 14) else 0)'
	@echo "Making the environment in $(VENV) (once) ..."
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --require-hashes -r requirements.lock
	@VIRTUAL_ENV=$(VENV) $(BIN)/uv pip install --quiet --no-deps --editable .
	@touch $(STAMP)
