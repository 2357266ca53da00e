# make demo   set up, then run the main job on built-in data (< 2 minutes after the install)
# make test   set up, then lint, type-check and test
# make coverage   the same tests, and which lines of ccd they run; fails below 92 %
# make test-real   the slow checks on the real data sets, in $CCD_DATA or ../shared/data
# make test-slow  more of what other tests show, with more processes
# make test-wheel  build the wheel, install it into an empty environment and use it there
# make bench  speed and memory on Amazon Baby

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: setup demo test coverage test-real test-slow test-wheel bench clean

setup: $(STAMP)

# torch comes first and by its exact version: a later resolution must not fetch a CUDA build.
$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt torch
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test]'
	touch $@

demo: setup
	$(BIN)/ccd run recipes/ablation_freedom.gin --out runs/demo --workers 2

test: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest -n 2 --dist loadfile

coverage: setup
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov=ccd --cov-report=term

test-real: setup
	$(BIN)/python -m pytest -m real --timeout 3600

test-slow: setup
	$(BIN)/python -m pytest -m slow

test-wheel: setup
	$(BIN)/python -m pytest -m wheel --timeout 3600

bench: setup
	$(BIN)/python tools/bench.py

clean:
	rm -rf $(VENV) runs/demo
