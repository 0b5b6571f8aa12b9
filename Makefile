# Everything starts here: `make help` lists the targets. Each does its own set-up and is quick when nothing changed.
.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
# Stamps carry the hash of what they stand for: another branch's lock file is noticed, a touched one is not.
RUN_READY := .venv/.ready-run-$(shell cat requirements.txt pyproject.toml | sha256sum | cut -c1-16)
DEV_READY := .venv/.ready-dev-$(shell cat requirements-dev.txt pyproject.toml | sha256sum | cut -c1-16)
PIP_INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
DEBIAN := scripts/debian-packages
# Two processes share the tests, file by file: most wait for other programs much of the time. One: ARGS="-n 0".
SHARED := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: help run lab test soak check coverage bench setup screenshots format

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_READY) ## the dashboard on 127.0.0.1:8000, with your kubeconfig's clusters or a sample fleet
	@exec $(BIN)/python -m authzviz.supervisor

lab: $(DEV_READY) ## the same on three live clusters, built here: the outage, the legacy binding, the Node authorizer
	@$(DEBIAN) etcd-server
	@exec $(BIN)/python -m tests.lab -- $(BIN)/python -m authzviz.supervisor

test: $(DEV_READY) ## every test, live apiservers, a tracker and a browser included
	@$(DEBIAN) etcd-server git postgresql chromium fonts-dejavu-core
	@$(BIN)/python -m pytest $(if $(findstring no:xdist,$(ARGS)),,$(SHARED)) $(ARGS)

soak: $(DEV_READY) ## what takes an hour: a thousand tickets with programs killed at random
	@$(DEBIAN) git
	@$(BIN)/python -m tests.trackers.redmine >/dev/null
	@$(BIN)/python -m pytest -m soak $(ARGS)

check: $(DEV_READY) ## what needs no test: style, types, layers, templates, migrations
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo
	@$(BIN)/djlint --check --lint --quiet templates
	@$(BIN)/python manage.py makemigrations --check --dry-run
	@echo "all checks pass"

coverage: $(DEV_READY) ## branch coverage of the engine, which has to be whole
	@mkdir -p .cache
	@$(BIN)/coverage run -m pytest -q -m "not lab" tests/engine tests/cli tests/reports tests/evidence
	@$(BIN)/coverage report

bench: $(DEV_READY) ## speed and memory on a lab cluster of 5,000 nodes, and of the pages with 1,000 clusters
	@$(DEBIAN) etcd-server postgresql
	@$(BIN)/python -m tests.bench

setup: $(DEV_READY) ## only the environment: .venv with the authzviz command and the tools
	@echo "ready: $(BIN)/authzviz"

screenshots: $(DEV_READY) ## the pictures in docs/, anew from the lab and the sample fleet
	@$(DEBIAN) etcd-server chromium fonts-dejavu-core
	@$(BIN)/python -m tests.browser.screenshots docs/images

format: $(DEV_READY) ## let ruff and djlint format the code
	@$(BIN)/ruff check --quiet --fix . || true
	@$(BIN)/ruff format --quiet .
	@$(BIN)/djlint --reformat --quiet templates || true

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || $(DEBIAN) python3-venv
	@$(PYTHON) -m venv .venv

$(RUN_READY): | .venv/bin/python
	@echo "Setting up .venv ..." >&2
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements.txt
	@$(PIP_INSTALL) --no-build-isolation --no-index -e .
	@touch $@

# The development set holds the runtime set: one installation serves both.
$(DEV_READY): | .venv/bin/python
	@echo "Setting up .venv for development ..." >&2
	@$(PIP_INSTALL) --require-hashes --only-binary :all: -r requirements-dev.txt
	@$(PIP_INSTALL) --no-build-isolation --no-index -e .
	@touch $@ $(RUN_READY)
