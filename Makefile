# make demo | test | lint | schema | fuzz | bench | bench-quick | conformance | conformance-gate | realcontent
#
# The tools live in .venv, made at first need and again when pyproject.toml has changed.

PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
BIN := $(VENV)/bin
# processes for the tests: three keep two cores busy: many tests wait, and `make test JOBS=0` uses none beside the first
JOBS ?= 3

.PHONY: help demo test lint schema fuzz bench bench-quick conformance conformance-gate realcontent clean

help:
	@sed -n '1s/^# //p' Makefile

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

demo: $(STAMP)
	$(BIN)/python examples/demo.py

# tests over real sshds share the machine with whatever else runs on it: one that fails gets another try, and is named
test: $(STAMP)
	$(BIN)/python -m pytest -n $(JOBS) --dist loadfile --reruns 2

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# what YAML editors know of the language, from the table of keywords
schema: $(STAMP)
	$(BIN)/python -m weft.playbook.schema > schema/weft-playbook.json

# many more inputs than the tests try: ARGS='-k templates' is for some of them
FUZZ ?= 50
fuzz: $(STAMP)
	WEFT_FUZZ=$(FUZZ) $(BIN)/python -m pytest -n $(JOBS) --timeout 3600 tests/fuzz $(ARGS)

bench: $(STAMP)
	$(BIN)/python -m bench $(ARGS)

# some seconds: what a task on a host costs the controller, beside bench/baseline.json
bench-quick: $(STAMP)
	$(BIN)/python -m bench.quick $(ARGS)

# ansible-core's own integration targets, played by weft; without ARGS all of them, and docs/conformance.md is written
conformance: $(STAMP)
	$(BIN)/python -m conformance $(or $(ARGS),--record)

# those of them that are quick and harmless: they have to go on passing
conformance-gate: $(STAMP)
	$(BIN)/python -m conformance --gate --jobs 2

# other people's playbooks and roles, listed and played by weft and by ansible-playbook; fetches them and the package
# `ansible`. WHAT=run plays roles on lab hosts, ARGS=nginx is for one of them
WHAT ?= list
CONTENT := build/realcontent

realcontent: $(STAMP)
	test -x $(CONTENT)/venv/bin/ansible-playbook || $(PYTHON) -m venv $(CONTENT)/venv
	$(CONTENT)/venv/bin/pip install --quiet --disable-pip-version-check --editable . 'ansible==12.*' netaddr jmespath passlib
	$(CONTENT)/venv/bin/python -m tools.realcontent $(WHAT) --cache $(CONTENT) --differences $(CONTENT)/differences $(ARGS)

clean:
	rm -rf build $(VENV)
