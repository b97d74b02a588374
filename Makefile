# Every target does its own set-up; nothing but Python 3.11 or newer is needed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := -e 'core[conformance,emulate,evaluate,geometry]' -e plugins/local -e plugins/nucleus -e plugins/demo
PLATFORMS := encord,labelbox,local,nucleus
MANIFESTS := constraints.txt core/pyproject.toml $(wildcard plugins/*/pyproject.toml examples/*/pyproject.toml)

.PHONY: demo test test-fiftyone bench record check docs clean

demo: $(VENV)/.installed ## Train here, migrate to an emulated platform, prove that it arrived.
	$(BIN)/dragoman demo

test: check ## What CI runs.
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

test-fiftyone: .venv-fiftyone/.installed ## Test against the real FiftyOne, which is too heavy for the environment of all.
	.venv-fiftyone/bin/python -m pytest tests/interop/test_interop_fiftyone.py

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy core/dragoman plugins/local/dragoman_local plugins/nucleus/dragoman_nucleus plugins/demo/dragoman_demo \
		plugins/encord/dragoman_encord plugins/labelbox/dragoman_labelbox

bench: $(VENV)/.installed-dev ## Print ratios against peers, each measured in one run.
	$(BIN)/python -m benchmarks

record: $(VENV)/.installed-dev ## Record the cassettes of PLATFORM anew.
	DRAGOMAN_RECORD=1 $(BIN)/python -m pytest tests/$(PLATFORM) -k cassette

# torch comes first and alone: left to a resolver that starts from another package, the newest build would be taken.
$(VENV)/.installed: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt $(DISTRIBUTIONS)
	touch $@

# TrackEval alone: with what it asks for, opencv-python would overwrite the headless build.
$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt \
		-e 'core[formats,pages,parquet,supervision]' -e examples/plugin-template -e 'plugins/encord[emulator]' -e 'plugins/labelbox[emulator]'
	$(BIN)/pip install --quiet --no-deps --constraint constraints.txt trackeval
	touch $@

.venv-fiftyone/.installed: core/pyproject.toml
	$(PYTHON) -m venv .venv-fiftyone
	.venv-fiftyone/bin/pip install --quiet -e 'core[conformance,fiftyone,formats]' pytest-timeout
	touch $@

docs: $(VENV)/.installed-dev ## Generate docs/matrix.md, docs/coverage.md and docs/schema/.
	$(BIN)/python -c 'from pathlib import Path; from dragoman.schema.json_schema import write; write(Path("docs/schema"))'
	DRAGOMAN_PLUGINS=$(PLATFORMS) $(BIN)/dragoman matrix --write docs

clean:
	rm -rf $(VENV) .venv-fiftyone .pytest_cache .mypy_cache .ruff_cache .hypothesis
