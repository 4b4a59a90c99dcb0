# make demo: see a check in the practice lab.  make test: run the tests.  make check: all a change must pass.
# make fuzz: feed the readers a million broken frames.  make docs, make pictures: write anew what is made.
# make thorough: the core against every combination.  make chaos: a thousand checks while everything fails.
# make audit: ask for known holes in the libraries.
# make bench: measure against other tools; ARGS="--only reading" does a part.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
# Most tests wait for real processes, so more of them at a time than there are cores.
JOBS ?= 8
# Where this is set, hundreds of processes compile every module anew.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: setup demo test thorough bench fuzz mutants chaos audit docs pictures lint check format clean

setup: .venv/ready

.venv/ready: pyproject.toml workers/arp/decode/_scan.c workers/arp/decode/_walk.h
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "arpcheck needs Python 3.11 or newer; set PYTHON=…")'
	@echo "Setting up .venv with all that arpcheck and its tests need; this takes a minute or two."
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: setup
	$(BIN)/python -m tests.lab $(ARGS)

test: setup
	$(BIN)/python -m pytest -n $(JOBS) --dist loadscope --no-loadscope-reorder $(ARGS)

fuzz: setup
	ARPCHECK_FUZZ_FRAMES=1000000 $(BIN)/python -m pytest tests/arp/test_fuzz.py $(ARGS)

thorough: setup
	ARPCHECK_STRIDE=1 $(BIN)/python -m pytest -n auto --dist load --timeout 1800 tests/arp $(ARGS)

mutants: setup
	$(BIN)/python -m tests.mutants $(or $(FILE),workers/arp/verdict/table.py) $(SHARE)

pictures: setup
	$(BIN)/python -m tests.papers.thread_picture

chaos: setup
	ARPCHECK_CHAOS_CHECKS=$${ARPCHECK_CHAOS_CHECKS:-1000} $(BIN)/python -m pytest -s tests/faults/test_chaos.py $(ARGS)

audit: setup
	$(BIN)/python -m tests.audit $(ARGS)

docs: setup
	$(BIN)/python -m tests.papers.verdicts
	$(BIN)/python -m tests.papers.lab_faults

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
