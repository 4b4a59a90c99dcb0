# make demo: see a check in the practice lab.  make test: run the tests.  make check: all a change must pass.
# make fuzz: feed the readers a million broken frames.  make bench: measure against other tools.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=

.PHONY: setup demo test fuzz bench lint check format clean

setup: .venv/ready

.venv/ready: pyproject.toml workers/arp/decode/_scan.c
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "arpcheck needs Python 3.11 or newer; set PYTHON=…")'
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python -m tests.lab $(ARGS)

test: setup
	$(BIN)/python -m pytest $(ARGS)

fuzz: setup
	ARPCHECK_FUZZ_FRAMES=1000000 $(BIN)/python -m pytest tests/arp/test_fuzz.py $(ARGS)

bench: setup
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	$(BIN)/python -m bench $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv build dist *.egg-info
