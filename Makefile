# Every target does its own set-up; nothing but Python 3.11 or newer is needed.
PYTHON ?= python3
PYTHON312 ?= python3.12
VENV := .venv
BIN := $(VENV)/bin
DISTRIBUTIONS := -e 'core[conformance,emulate,evaluate,geometry,pages]' -e plugins/local -e plugins/nucleus -e plugins/demo
PLATFORMS := encord,labelbox,local,nucleus,synapse,viam
PACKAGES := core/dragoman $(foreach name,local nucleus demo encord labelbox synapse viam,plugins/$(name)/dragoman_$(name))
MANIFESTS := constraints.txt core/pyproject.toml $(wildcard plugins/*/pyproject.toml examples/*/pyproject.toml)

.PHONY: demo test test-slow test-fiftyone test-judges test-synapse-sdk bench record check docs clean

demo: $(VENV)/.installed ## Train here, migrate to an emulated platform, prove that it arrived.
	$(BIN)/dragoman demo

test: check ## What CI runs.
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder

test-slow: $(VENV)/.installed-dev ## What takes longer than a change should wait.
	$(BIN)/python -m pytest -q -m slow

test-fiftyone: .venv-fiftyone/.installed ## Test against the real FiftyOne, which is too heavy for the environment of all.
	.venv-fiftyone/bin/python -m pytest tests/interop/test_interop_fiftyone.py

test-judges: .venv-judges/.installed ## Have Datumaro and Label Studio judge the files that we write.
	.venv-judges/bin/python -m pytest tests/formats/test_formats_judges.py

test-synapse-sdk: $(VENV)/.installed-dev ## Let Synapse's own SDK, which needs Python 3.12, judge its emulator.
	@if ! $(PYTHON312) -c '' 2>/dev/null; then echo "skipped: there is no $(PYTHON312), which synapse-sdk needs"; \
	else $(MAKE) --no-print-directory .venv-synapse/.installed && \
	SYNAPSE_SDK_PYTHON=$(CURDIR)/.venv-synapse/bin/python $(BIN)/python -m pytest tests/synapse/test_synapse_sdk.py; fi

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)

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

# TrackEval and trackers alone: with what they ask for, opencv-python would overwrite the headless build.
$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --requirement requirements-dev.txt \
		-e 'core[formats,login,parquet,supervision,telemetry]' -e 'plugins/local[onnx]' -e examples/plugin-template \
		$(foreach name,encord labelbox synapse viam,-e 'plugins/$(name)[emulator]')
	$(BIN)/pip install --quiet --no-deps --constraint constraints.txt trackeval trackers
	touch $@

.venv-fiftyone/.installed: core/pyproject.toml
	$(PYTHON) -m venv .venv-fiftyone
	.venv-fiftyone/bin/pip install --quiet -e 'core[conformance,fiftyone,formats]' pytest-timeout
	touch $@

.venv-judges/.installed: core/pyproject.toml
	$(PYTHON) -m venv .venv-judges
	.venv-judges/bin/pip install --quiet -e 'core[conformance,formats]' pytest-timeout label-studio-sdk==2.1.2 datumaro==1.13.12
	touch $@

.venv-synapse/.installed:
	$(PYTHON312) -m venv .venv-synapse
	.venv-synapse/bin/pip install --quiet synapse-sdk==2026.2.17
	touch $@

docs: $(VENV)/.installed-dev ## Generate docs/matrix.md, docs/coverage.md and docs/schema/.
	$(BIN)/python -c 'from pathlib import Path; from dragoman.schema.json_schema import write; write(Path("docs/schema"))'
	DRAGOMAN_PLUGINS=$(PLATFORMS) $(BIN)/dragoman matrix --write docs

clean:
	rm -rf $(VENV) .venv-fiftyone .venv-judges .venv-synapse .pytest_cache .mypy_cache .ruff_cache .hypothesis
