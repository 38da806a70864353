# Wraps: pip install, then `stroke-nb ...` or a tool of its own. The README gives the same lines without make.
PYTHON ?= python3
BIN := .venv/bin
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := true
LOCKED := .venv/.locked
TOOLS := .venv/.tools

.PHONY: help install build reports test lint lab app serve docs mlflow hooks export readme lock clean

help:  ## this list
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

# uv installs the lock in a fifth of pip's time; bytecode is compiled once here, not at each first import
$(LOCKED): requirements.txt uv.txt settings.ini setup.py
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 14) else "stroke_nb needs Python 3.11 to 3.14, found " + sys.version.split()[0] + ": make PYTHON=python3.11 ...")'
	@echo "building .venv from requirements.txt"
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r uv.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements.txt
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps -e .
	@mkdir -p .venv/etc/jupyter   # pip does this, but for an editable install
	@cp stroke_nb/automation/assets/jupyter_jupyter_scheduler_config.json .venv/etc/jupyter/
	@touch $@

# the same packages, and those that tests and lint need beside them
$(TOOLS): $(LOCKED) requirements-dev.txt
	@echo "adding the developers' packages from requirements-dev.txt"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --compile-bytecode --require-hashes -r requirements-dev.txt
	@touch $@

install: $(TOOLS)  ## .venv with everything that the locks name, the developers' packages too

reports: $(LOCKED)  ## train, validate, check drift; leaves reports/index.html
	@$(BIN)/stroke-nb reports

test: $(TOOLS)  ## every test: notebooks as items and the exported modules
	@$(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

lint: $(TOOLS)  ## style of the package and the job notebooks, and every call followed to its definition
	@$(BIN)/ruff check stroke_nb nbs/notebooks
	@$(BIN)/mypy

build: $(LOCKED)  ## wheel and source archive, in dist/
	@rm -rf dist && $(BIN)/uv build --quiet --out-dir dist && ls dist

app: $(LOCKED)  ## the risk calculator, at http://127.0.0.1:8866
	@$(BIN)/stroke-nb app

serve: $(LOCKED)  ## the prediction service, at http://127.0.0.1:8000/docs
	@$(BIN)/stroke-nb serve

docs: $(LOCKED)  ## the docs site from the notebooks, in _docs/
	@$(BIN)/python -c "from stroke_nb.site import build_docs; print('Open', build_docs('_docs', samples=True))"

lab: $(LOCKED)  ## JupyterLab with the notebooks and the job scheduler
	@$(BIN)/jupyter lab --notebook-dir=.

mlflow: $(LOCKED)  ## MLflow's pages on the runs and the registry, at http://127.0.0.1:5000
	@$(BIN)/mlflow ui --backend-store-uri $${MLFLOW_TRACKING_URI:-sqlite:///mlflow.db} --host 127.0.0.1 --port 5000

hooks: $(TOOLS)  ## git hooks of this clone: notebooks merge and go in without outputs, lint before a commit
	@$(BIN)/python -m stroke_nb.automation.hooks install

export: $(TOOLS)  ## notebooks to stroke_nb/, cleaned, their outputs cleared
	@$(BIN)/nbdev_export && $(BIN)/nbdev_clean && $(BIN)/python -m stroke_nb.automation.hooks clear

readme: $(LOCKED)  ## README.md from nbs/index.ipynb
	@$(BIN)/jupyter nbconvert --log-level WARN --to markdown --RegexRemovePreprocessor.patterns='^#\| hide' --output-dir . --output README nbs/index.ipynb

# no cache: uv would not see that settings.ini, which setup.py reads, has changed. A user's packages are those of the developers, less some
COMPILE := $(BIN)/uv pip compile --quiet --no-cache --universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --generate-hashes --extra all
lock: $(LOCKED)  ## requirements-dev.txt and requirements.txt from settings.ini, for Python 3.11 to 3.14
	@$(COMPILE) --extra dev setup.py -o requirements-dev.txt
	@$(COMPILE) --constraints requirements-dev.txt setup.py -o requirements.txt

clean:  ## remove .venv and what runs emitted
	rm -rf .venv models .cache mlflow.db* mlartifacts
	find reports -mindepth 1 ! -name README.md -delete
