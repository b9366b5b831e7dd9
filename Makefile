# Recommendations at reasonable scale. `make` alone prints what there is to do.

SHELL := /bin/bash
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# What a command line may set: make run DATASET=online-retail ONLINE_RETAIL_FILE=retail.parquet
DATASET ?= demo
RAW_DIR ?=
ONLINE_RETAIL_FILE ?=
CUTOFF ?=
FORCE_REASON ?=
CUSTOMER ?=
RUN ?=
NAME ?=
VERSION ?=
SHARE ?= 0.1
ARTICLE ?=
FILE ?=
FEED ?=
NOTE ?=
K ?= 12
MAX_WORKERS ?= 2
WEEKS ?= 4
ONLY ?=
SHOPS ?=
PART ?= tests
SCALE ?= small
TARGET ?=
BRANCH ?=
PUBLISH ?=
CREATE ?=
AT ?= 03:00
SCHEDULER ?=
TIMEOUT_MINUTES ?=
PRINT ?=
PYTHON ?=
TORCH_BACKEND ?= auto

# Values reach programs untouched: make expands none of them, and recipes name them as the shell's own variables, so
# that quotes, backticks, $ and line breaks of a value mean nothing to either.
GIVEN := DATASET RAW_DIR ONLINE_RETAIL_FILE CUTOFF FORCE_REASON CUSTOMER RUN NAME VERSION SHARE ARTICLE FILE FEED NOTE K \
  MAX_WORKERS WEEKS ONLY SHOPS PART SCALE TARGET BRANCH PUBLISH CREATE AT SCHEDULER TIMEOUT_MINUTES PRINT \
  PYTHON TORCH_BACKEND
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)

BIN := .venv/bin
# A file of tests on each core, in the order of the folders: sorted by size the whole runs, few but long, would come last.
PYTEST := $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
# Compiled at once: where Python may not keep bytecode, as in many containers, each task of a run would do it again.
UV := VIRTUAL_ENV=$(CURDIR)/.venv UV_COMPILE_BYTECODE=1 $(BIN)/uv
UV_VERSION := 0.13.8
TORCH_VERSION := 2.13.0
PACKAGES := .venv/.packages
INSTALLED := .venv/.installed

.PHONY: help
help:  ## Show this list
	@echo "Recommendations at reasonable scale: raw purchases in, recommendations over HTTP out."
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: setup
setup: $(INSTALLED)  ## Make .venv (again only when the lock changed)

.PHONY: packages
packages: $(PACKAGES)

# torch goes first and apart: the build that fits depends on the machine, so no lock can name it.
$(PACKAGES): requirements.txt
	@echo "Setting up .venv (once; a minute or two)"
	@test -x $(BIN)/python || "$${PYTHON:-$$(command -v python3.11 || command -v python3)}" -m venv .venv
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
	  || { echo "Python 3.11 is needed, $$($(BIN)/python --version) was found: make setup PYTHON=/path/to/python3.11"; rm -rf .venv; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(BIN)/python -c 'import torch, sys; sys.exit(torch.__version__.split("+")[0] != "$(TORCH_VERSION)")' 2>/dev/null \
	  || { test -n "$$PIP_FIND_LINKS" && $(UV) pip install --quiet $(addprefix --find-links ,$(PIP_FIND_LINKS)) torch==$(TORCH_VERSION); } \
	  || $(UV) pip install --quiet --torch-backend="$$TORCH_BACKEND" torch==$(TORCH_VERSION) \
	  || $(UV) pip install --quiet torch==$(TORCH_VERSION)
	@$(UV) pip install --quiet --no-deps --require-hashes -r requirements.txt
	@touch $@

$(INSTALLED): $(PACKAGES) pyproject.toml
	@$(UV) pip install --quiet --no-deps --no-build-isolation --editable .
	@$(BIN)/python -c 'import torch, metaflow, recommender'
	@touch $@

.PHONY: run
run: setup  ## Raw purchases to published recommendations (DATASET=demo, demo-medium, demo-full, online-retail or kaggle-hm; CUTOFF=..., MAX_WORKERS=2)
	@$(BIN)/python flows/recommendation_flow.py --no-pylint run --dataset="$$DATASET" --max-workers="$$MAX_WORKERS" \
	  $${CUTOFF:+--cutoff="$$CUTOFF"} $${FORCE_REASON:+--force-reason="$$FORCE_REASON"}
	@$(MAKE) query

.PHONY: resume
resume: setup  ## Go on with a run that broke off, at the step where it did (RUN=..., by default the newest)
	@$(BIN)/python flows/recommendation_flow.py --no-pylint resume --max-workers="$$MAX_WORKERS" \
	  $${RUN:+--origin-run-id="$$RUN"}

.PHONY: serve
serve: setup  ## Answer GET /recommendations/{customer_id} on 127.0.0.1:8000
	@$(BIN)/python -m serving

.PHONY: lambda
lambda: setup  ## Pack the API for AWS Lambda into build/lambda.zip
	@rm -rf build/lambda build/lambda.zip && mkdir -p build/lambda
	@$(UV) pip install --quiet --no-deps --require-hashes --target build/lambda --only-binary :all: \
	  --python-version 3.11 --python-platform x86_64-manylinux2014 --requirement serving/requirements.txt
	@cp -r serving build/lambda/ && find build/lambda/serving -name __pycache__ -exec rm -r {} +
	@cd build/lambda && $(CURDIR)/$(BIN)/python -m zipfile --create ../lambda.zip *
	@ls -sh build/lambda.zip

.PHONY: query
query: setup  ## Show one customer's list with product names (CUSTOMER=..., K=12)
	@$(BIN)/python -m serving.commands.query --dataset="$$DATASET" --k="$$K" $${CUSTOMER:+--customer="$$CUSTOMER"}

.PHONY: explain
explain: setup  ## Show where each of a customer's recommendations came from, and what was filtered (CUSTOMER=..., K=12)
	@$(BIN)/python -m recommender.explain.command --dataset="$$DATASET" --k="$$K" $${CUSTOMER:+--customer="$$CUSTOMER"}

.PHONY: deny
deny: setup  ## Recommend an article to nobody from the next second on (ARTICLE=... or FILE=ids, FEED=name, NOTE=why)
	@$(BIN)/python -m serving.commands.rules --dataset="$$DATASET" deny --note="$$NOTE" \
	  $${FILE:+--file="$$FILE"} $${FEED:+--feed="$$FEED"} $${ARTICLE:+-- "$$ARTICLE"}

.PHONY: allow
allow: setup  ## Recommend it again (ARTICLE=... or FILE=ids; FEED=name alone ends a feed)
	@$(BIN)/python -m serving.commands.rules --dataset="$$DATASET" allow \
	  $${FILE:+--file="$$FILE"} $${FEED:+--feed="$$FEED"} $${ARTICLE:+-- "$$ARTICLE"}

.PHONY: rules
rules: setup  ## List what is kept out of every list, and why
	@$(BIN)/python -m serving.commands.rules --dataset="$$DATASET" show

.PHONY: variant
variant: setup  ## Start an A/B test: serve some customers another version (NAME=..., VERSION=..., SHARE=0.1)
	@$(BIN)/python -m serving.commands.variants --dataset="$$DATASET" start --version="$$VERSION" --share="$$SHARE" -- "$$NAME"

.PHONY: end-variant
end-variant: setup  ## End an A/B test: its customers get the current version again (NAME=...)
	@$(BIN)/python -m serving.commands.variants --dataset="$$DATASET" end -- "$$NAME"

.PHONY: variants
variants: setup  ## List the A/B tests and the share of customers in each
	@$(BIN)/python -m serving.commands.variants --dataset="$$DATASET" show

.PHONY: rollback
rollback: setup  ## Serve the previous version again
	@$(BIN)/python -m recommender.release.published_versions rollback --dataset="$$DATASET"

.PHONY: publish
publish: setup  ## Publish the lists of an earlier run again (RUN=...; without RUN, list the runs)
	@$(BIN)/python -m recommender.release.republish --dataset="$$DATASET" --run="$$RUN"

.PHONY: versions
versions: setup  ## List the published versions
	@$(BIN)/python -m recommender.release.published_versions versions --dataset="$$DATASET"

.PHONY: history
history: setup  ## List what the last runs decided, and why
	@$(BIN)/python -m recommender.release.history --dataset="$$DATASET"

.PHONY: nightly
nightly: setup  ## Run once as cron does: one at a time, logged, with a meaningful exit code
	@$(BIN)/python flows/nightly.py --dataset="$$DATASET" --max-workers="$$MAX_WORKERS" \
	  $${TIMEOUT_MINUTES:+--timeout-minutes="$$TIMEOUT_MINUTES"}

.PHONY: schedule
schedule: setup  ## Run it every night, by systemd or cron, with the variables that are set now (AT=03:00, RAW_DIR=..., PRINT=1)
	@$(BIN)/python -m recommender.nights.schedule install --dataset="$$DATASET" --at="$$AT" \
	  --max-workers="$$MAX_WORKERS" $${SCHEDULER:+--scheduler="$$SCHEDULER"} \
	  $${TIMEOUT_MINUTES:+--timeout-minutes="$$TIMEOUT_MINUTES"} $${PRINT:+--only-print}

.PHONY: schedule-status
schedule-status: setup  ## Show when the next night comes, and how the last one went
	@$(BIN)/python -m recommender.nights.schedule status --dataset="$$DATASET"

.PHONY: unschedule
unschedule: setup  ## End the schedule of the nights
	@$(BIN)/python -m recommender.nights.schedule remove --dataset="$$DATASET"

.PHONY: deploy
deploy: setup  ## Write the scheduled deployment to build/deploy (TARGET=argo, step-functions or airflow; BRANCH=..., CREATE=1)
	@$(BIN)/python flows/deploy.py --target="$$TARGET" --branch="$$BRANCH" \
	  $$(test "$$PUBLISH" != 1 || echo --publish) $$(test "$$CREATE" != 1 || echo --create)

.PHONY: card
card: setup  ## Draw the last run's report as one HTML page, and print where it is (DATASET=...)
	@$(BIN)/python -m recommender.report.report_page --dataset="$$DATASET"

.PHONY: operations
operations: setup  ## Draw all nights as one HTML page, and print where it is (DATASET=...)
	@$(BIN)/python -m recommender.nights.operations_page --dataset="$$DATASET"

.PHONY: comet-upload
comet-upload: setup  ## Send the experiments that were kept offline to Comet (needs COMET_API_KEY)
	@$(BIN)/python -m recommender.tracking.comet_archives upload

.PHONY: rescore
rescore: setup  ## Score the last run's test-week lists again from the raw files and compare
	@$(BIN)/python -m recommender.evaluation.rescore --dataset="$$DATASET"

.PHONY: readme
readme: setup  ## Put the last runs' and benchmarks' results into README.md and docs/results.md
	@$(BIN)/python -m recommender.report.readme_tables
	@$(BIN)/python -m benchmarks.readme_tables

.PHONY: docs
docs: setup  ## Build the manual as HTML pages in build/docs; a broken link is an error
	@rm -rf build/docs
	@$(BIN)/python -m sphinx --fail-on-warning --quiet docs build/docs
	@echo "build/docs/index.html"

.PHONY: dbt-docs
dbt-docs: setup  ## Build dbt's pages about the warehouse of a run, and show them on 127.0.0.1:8081 (DATASET=...)
	@$(BIN)/python -m recommender.features.dbt_commands docs --dataset="$$DATASET"

.PHONY: dbt-freshness
dbt-freshness: setup  ## Let dbt say whether the purchases are fresh (DATASET=...)
	@$(BIN)/python -m recommender.features.dbt_commands freshness --dataset="$$DATASET"

.PHONY: bench-quality
bench-quality: setup  ## Measure served lists, baselines and ablations over several weeks (DATASET=..., WEEKS=4)
	@$(BIN)/python -m benchmarks.quality --dataset="$$DATASET" --weeks="$$WEEKS"

.PHONY: bench-serving
bench-serving: setup  ## Publish 1.37 million lists, look them up, and compare with a bare handler
	@$(BIN)/python -m benchmarks.serving

.PHONY: bench-behavior
bench-behavior: setup  ## Time the behavioral suite over 100,000 customers and 10,000 articles
	@$(BIN)/python -m benchmarks.behavior

.PHONY: calibrate
calibrate: setup  ## Show how the gates' thresholds fare on many shops (ONLY=regex, SHOPS="folder ...", ONLINE_RETAIL_FILE=...)
	@set -f; shops=($$SHOPS); $(BIN)/python -W ignore -m benchmarks.calibration --only="$$ONLY" \
	  $${ONLINE_RETAIL_FILE:+--online-retail-file="$$ONLINE_RETAIL_FILE"} "$${shops[@]/#/--shop=}"

.PHONY: bench-relbench
bench-relbench: setup  ## Measure MAP@12 on RelBench's rel-hm, with the published figures (RAW_DIR=your H&M files)
	@$(BIN)/python -m benchmarks.relbench

.PHONY: bench-scale
bench-scale: setup  ## Measure every stage on growing shops beside plain tools (SCALE=small, medium or full: six minutes to two hours)
	@$(BIN)/python -m benchmarks.scale --scale="$$SCALE" --max-workers="$$MAX_WORKERS"

.PHONY: test
test: setup  ## Run every test but the long ones, in fifteen minutes
	@$(PYTEST) -m "not long"

# Each part takes less than 80 minutes on two quiet cores; one that was stopped goes on where it was.
.PHONY: test-long
test-long: setup  ## Run long simulations (PART=tests, flows, shops-sizes, shops-kinds, shops-real, shops-large or verdicts)
	@$(if $(filter $(PART),tests flows shops-sizes shops-kinds shops-real shops-large verdicts),,\
	  $(error PART=$(PART) is no part; there are tests, flows, shops-sizes, shops-kinds, shops-real, shops-large and verdicts))
	@$(MAKE) "long-$$PART"

.PHONY: long-tests long-flows long-shops-sizes long-shops-kinds long-shops-real long-shops-large long-verdicts
long-tests: setup
	@$(BIN)/python -m benchmarks.long_tests --part tests
long-flows: setup
	@$(BIN)/python -m benchmarks.long_tests --part flows
long-shops-sizes:
	@$(MAKE) calibrate ONLY="^(1500|5000|12000|26000) customers"
long-shops-kinds:
	@$(MAKE) calibrate ONLY="demand|repeats|prices|^(8|60) articles"
long-shops-real:
	@$(MAKE) calibrate ONLY="^online retail"
long-shops-large:
	@$(MAKE) calibrate ONLY="^137000 customers"
long-verdicts:
	@$(MAKE) calibrate

.PHONY: lint
lint: setup  ## Check style
	@$(BIN)/ruff check . && $(BIN)/ruff format --check .

.PHONY: format
format: setup  ## Mend the style
	@$(BIN)/ruff check --fix . && $(BIN)/ruff format .

.PHONY: lock
lock:  ## Compile requirements.in into requirements.txt, and the API's own file
	@test -x $(BIN)/python || "$${PYTHON:-$$(command -v python3.11 || command -v python3)}" -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	@$(UV) pip compile --quiet --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
	  --excludes <(echo torch) requirements.in --output-file requirements.txt
	@$(UV) pip compile --quiet --generate-hashes --python-version 3.11 --custom-compile-command "make lock" \
	  --constraints requirements.txt serving/requirements.in --output-file serving/requirements.txt

.PHONY: pin-images
pin-images: setup  ## Write today's digests of the base images beside their tags (where their registry can be reached)
	@$(BIN)/python -m deployment.pin_images

.PHONY: clean
clean:  ## Remove .venv and everything that runs wrote, published lists included
	@test ! -x $(BIN)/python || $(BIN)/python -m serving.connection.redis_connection stop || true
	@rm -rf build .venv .ruff_cache .pytest_cache .hypothesis *.egg-info
	@git clean -fdXq benchmarks data dbt_project deployment flows serving tests
