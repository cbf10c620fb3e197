# Everything a person types here. Each target does its own set-up: a fresh machine needs Python, make and a C library.
#
#   make test ARGS="-k data"            more arguments for the program behind the target
#   make test JOBS=0                    tests in one process, with all that they print; JOBS=4 in four at once
#   make grade FILE=my.ipynb            another submission
#   make test-lowest LOWEST_TESTS=tests/course/capture
#   make install PYTHON=python3.12      another Python for the environment

PYTHON ?= python3
FILE ?= solutions/challenge/challenge.ipynb
ARGS ?=
JOBS ?= 2
BIN := .venv/bin
READY := .venv/.ready
LOWEST := .venv-lowest
JUPYTER := .venv/etc/jupyter
LOWEST_TESTS ?= tests/course
# all tests of a file run in one process, which shares what the file sets up
PYTEST = $(BIN)/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder

# tests start hundreds of processes: one takes half as long where bytecode is kept
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install test test-lowest check grade quick-grade bench data lint release calibrate solutions preview course bundle clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile

install: $(READY) ## make .venv with the tested releases (again only when the list of them has changed)

# the stamp is the last thing written, so that an installation that was interrupted is taken up again
$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, and this is " \
		+ sys.version.split()[0] + ". Name another one: make install PYTHON=python3.12")'
	test -x $(BIN)/pip || $(PYTHON) -m venv .venv
	@echo "installing PyTorch, JupyterLab and the rest; the first time this takes minutes"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	# an editable installation leaves out what switches the leaderboard on in Jupyter
	mkdir -p $(JUPYTER)/jupyter_server_config.d $(JUPYTER)/labconfig/default_setting_overrides.d
	cp autograder/leaderboard/jupyter/under8k_leaderboard.json $(JUPYTER)/jupyter_server_config.d
	cp autograder/leaderboard/jupyter/under8k_menu.json $(JUPYTER)/labconfig/default_setting_overrides.d
	touch $@

test: $(READY) ## run all tests
	$(PYTEST) $(ARGS)

test-lowest: $(LOWEST)/.ready ## run the tests of `course` with the lowest releases allowed (5 GB)
	# what is left out imports the grader
	$(LOWEST)/bin/python -m pytest -n $(JOBS) --dist loadfile -m 'not (slow or training or cuda)' \
		--ignore tests/course/notebook/test_check.py \
		--deselect tests/course/inspection/test_record.py::test_who_reads_records_and_starts_processes_does_not_load_pytorch \
		$(LOWEST_TESTS) $(ARGS)

$(LOWEST)/.ready: pyproject.toml constraints-lowest.txt
	test -x $(LOWEST)/bin/pip || $(PYTHON) -m venv $(LOWEST)
	@echo "installing the lowest releases; the first time this takes minutes"
	# --no-compile: of 5 GB, the tests import little
	$(LOWEST)/bin/python -m pip install --quiet --disable-pip-version-check --no-compile -c constraints-lowest.txt \
		-e . hypothesis ipython pytest pytest-xdist
	touch $@

check: $(READY) ## run the tests that need no database, browser, registry or training, and are quick
	$(PYTEST) -m 'not (browser or cuda or database or registry or slow or training)' $(ARGS)

grade: $(READY) ## train the worked challenge under the grader's seeds and print the verdict (minutes)
	$(BIN)/autograder grade $(FILE) $(ARGS)

quick-grade: $(READY) ## the same way in less than a minute: one epoch, a tenth of the data, so "not passed" is expected
	$(BIN)/autograder grade --quick $(FILE) $(ARGS) | tee -a /dev/stderr | grep -qE '^(PASS|FAIL):'

bench: $(READY) ## measure how fast grading is here, kept in docs/bench (about 15 minutes)
	$(BIN)/python -m autograder.bench $(ARGS)

data: $(READY) ## fetch MNIST, or check the copy that is there
	$(BIN)/autograder data

lint: $(READY) ## check style, layout and types, notebooks too
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

release: $(READY) ## generate what students get from the sources
	$(BIN)/python -m autograder.authoring release

calibrate: $(READY) ## train the lessons' own recipes with three seeds each: what their limits rest on (hours; resumable)
	$(BIN)/python -m autograder.authoring calibrate $(ARGS)

solutions: $(READY) ## execute the worked notebooks (minutes each)
	$(BIN)/python -m autograder.authoring solutions

preview: $(READY) ## each worked lesson as a page with its pictures, in build/preview (ARGS="--of release": as students get it)
	$(BIN)/python -m autograder.authoring preview $(ARGS)

course: $(READY) ## make this clone a working nbgrader course: lessons released, in the gradebook (again and again, without loss)
	$(BIN)/python -m autograder.authoring course

bundle: $(READY) ## a folder for a machine with PyTorch and no network, in build/bundle (ARGS="--python 3.12" for its Python)
	$(BIN)/python -m autograder.authoring bundle $(ARGS)

clean: ## remove the environment and every cache in this folder (MNIST stays)
	rm -rf .venv .venv-lowest .pytest_cache .ruff_cache .mypy_cache .hypothesis build dist *.egg-info
	find course autograder tests -name __pycache__ -type d -prune -exec rm -rf {} +
