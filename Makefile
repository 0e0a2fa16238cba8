# Everything that is done with this repository on one machine without Docker. `make` prints the targets.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.NOTPARALLEL:
.SUFFIXES:
# A shell that sets this would let each of a run's hundreds of Python processes compile every file that it imports.
unexport PYTHONDONTWRITEBYTECODE

# The first Python that the lock is made for; the checks say so when there is none.
PYTHON := $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null \
	&& echo $$python && exit; done; echo python3)
VENV := .native/venv
RUN := $(VENV)/bin/python
CODE := storeline spark_jobs generators dags init_db native bench dashboards notebooks docs docker
.PHONY: help
help: ## Print the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- The stack ---------------------------------------------------------------------------------------------------

.PHONY: demo
demo: ## From nothing to printed marts: install, start, fill the shop, copy it, build the marts, run the weekly sales
	@begin=$$(date +%s) && $(PYTHON) -m native.preflight && $(PYTHON) -m native.install && $(RUN) -m native.demo $$begin

.PHONY: install
install: ## Install what the stack and the tests need into .native/
	@$(PYTHON) -m native.preflight machine && $(PYTHON) -m native.install

.PHONY: processes
processes: python ## Say which of the stack's processes are up; `bin/storeline status` says how the platform is
	@$(RUN) -m native status

.PHONY: stop
stop: python ## End all of the stack's processes; its data is kept
	@$(RUN) -m native stop

.PHONY: reset
reset: python ## End the stack and delete its data: shop, databases, Airflow's history
	@$(RUN) -m native reset && rm -f .native/report.html

.PHONY: clean
clean: ## End the stack and delete everything under .native/, what is installed included
	@if [ -x $(RUN) ]; then $(RUN) -m native stop; fi
	@rm -rf .native

# --- Work with it ------------------------------------------------------------------------------------------------

.PHONY: generate
generate: python ## Fill the shop: make generate [ARGS='--append' | '--replace' | '--if-empty']
	@$(RUN) -m generators.shop $(ARGS)

.PHONY: live-shop
live-shop: python ## Let the shop live: it sells in the running stack's PostgreSQL until `make live-shop ARGS=stop`
	@$(RUN) -m native $(or $(ARGS),start) live-shop

.PHONY: changes
changes: python ## Capture the shop's changes into Kafka with Kafka Connect, until `make changes ARGS=stop`
	@$(RUN) -m native $(or $(ARGS),start) connect

.PHONY: docs
docs: python ## Write what is generated: docs/marts.md, docs/commands.md, the list of marts, the preflight's variables
	@$(RUN) -m docs.generate

.PHONY: dashboards
dashboards: python ## Write what Grafana reads: its boards and alert rules
	@$(RUN) -m dashboards.generate

.PHONY: pictures
pictures: python ## Draw every panel of the boards from the running stack's data into docs/
	@$(RUN) -m dashboards.draw

.PHONY: report
report: python ## Run the notebook on the running stack; print where its one page with pictures is
	@$(RUN) -m native.report

# --- Work on it --------------------------------------------------------------------------------------------------

# Processes that run tests; more than two cores have work for.
PROCESSES := 3

.PHONY: test test-faults test-nightly test-chaos test-changed
test: install ## Run the tests that a change is worked with, and one run through Airflow: 10 minutes at most
	$(RUN) -m pytest -m 'not faults and not chaos' -n $(PROCESSES) --budget-minutes 10
test-faults: install ## Run the faults, one moment for each: what is killed, sleeps or comes in between: 15 minutes at most
	$(RUN) -m pytest -m faults -n $(PROCESSES) --budget-minutes 15
test-nightly: install ## Run the faults with SEEDS=50 moments for each, and the fuzzing with as much more chance, then chaos
	STORELINE_FAULT_SEEDS=$(or $(SEEDS),50) $(RUN) -m pytest -m 'faults or fuzz' -n $(PROCESSES)
	@$(MAKE) test-chaos SEED=$$RANDOM
test-chaos: install ## Kill and put to sleep whatever runs, under load, for MINUTES=10 with SEED=1: it heals by itself
	STORELINE_CHAOS_MINUTES=$(or $(MINUTES),10) STORELINE_CHAOS_SEED=$(or $(SEED),1) $(RUN) -m pytest -m chaos -s
test-changed: python ## Run the tests that reach what you have changed, but no fault and nothing through Airflow
	$(RUN) -m pytest -m 'not faults and not chaos and not end_to_end' --changed

.PHONY: bench-generate bench-copy bench-marts bench-round bench-events bench-changes bench-sales bench-demo
bench-generate: install ## Measure the generator against Faker row by row (P11)
	@$(RUN) -m bench.generate
bench-copy: install ## Measure the copy against other copiers and a raw pipe: speed, memory, values (P1 to P4, P6)
	@$(RUN) -m bench.copy && $(RUN) -m bench.copy_sizes && $(RUN) -m bench.tpch && $(RUN) -m bench.values && $(RUN) -m bench.picture
bench-marts: install ## Measure the marts against MySQL itself and a job for each (P9)
	@$(RUN) -m bench.marts && $(RUN) -m bench.marts --scale 1
bench-round: install ## Measure a whole round, from the trigger to all marts, against a job for each table and mart (P12)
	@$(RUN) -m bench.round
bench-events: install ## Measure the stream of events against plain JDBC appends, and its latency (P8)
	@$(RUN) -m bench.events
bench-changes: install ## Measure the stream of changes against Debezium's JDBC sink: latency, catching up, a copy (P7)
	@$(RUN) -m bench.changes && $(RUN) -m bench.changes_backlog && $(RUN) -m bench.changes_copy
bench-sales: install ## Measure the weekly sales, each step, against Faker row by row and row inserts (P10)
	@$(RUN) -m bench.sales
bench-demo: install ## Measure `make demo` in a fresh clone, again, and the stack's memory (P13)
	@$(RUN) -m bench.demo

.PHONY: check
# bandit: programs are started without a shell, as the native stack must (B404, B603); chance here makes shops (B311).
check: python ## Run the linters, the type checker and the scanners
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check .
	$(RUN) -m mypy
	$(RUN) -m mypy docker
	$(RUN) -m pytest -q tests/unit/test_rooms.py tests/unit/test_docs.py tests/unit/test_docs_are_true.py
	$(RUN) -m bandit --quiet --recursive -ii --skip B311,B404,B603 $(CODE)
	$(VENV)/bin/hadolint docker/Dockerfile
	$(RUN) -m dashboards.check_types
	$(RUN) .ci/audit.py

.PHONY: format
format: python ## Format the code
	@$(RUN) -m ruff check --fix-only --quiet . && $(RUN) -m ruff format .

.PHONY: lock
LOCK = $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' --override requirements.override
lock: python ## Lock the dependencies again, with hashes, for every Python that is supported
	@$(LOCK) --output-file requirements.txt requirements.in
	@for part in airflow notebook spark; do \
		$(LOCK) --constraint requirements.txt --output-file requirements-$$part.txt requirements-$$part.in || exit; done
	@for rival in bench/rivals/*.in; do $(LOCK) --output-file $${rival%.in}.txt $$rival || exit; done

.PHONY: python
python:
	@$(PYTHON) -m native.install python

# --- The stack in containers -------------------------------------------------------------------------------------
# Compose reads .env.local where there is one; `docker compose` alone has to be told so.
export COMPOSE_ENV_FILES ?= $(shell printf .env; test ! -e .env.local || printf ,.env.local)

.PHONY: up down doctor secrets check-compose test-compose test-upgrade bench-compose
up: doctor ## Start the containers; returns when all are usable
	@docker compose up --build -d --wait
down: ## End the containers; their data is kept
	@docker compose down
doctor: ## Say what this machine, its Docker or the configuration lacks for the containers
	@$(PYTHON) docker/preflight.py host
secrets: ## Write random passwords and keys into .env.local
	@$(PYTHON) docker/make_secrets.py
check-compose: ## Hold the compose file to the rules of docs/security.md
	@$(PYTHON) docker/check_compose.py
test-compose: python ## Test the containers: rules, boot, run, refuse, restart, leave nothing
	@docker/ensure_engine.sh
	@tests/compose/ensure_browser.sh
	@$(PYTHON) docker/check_compose.py
	STORELINE_TEST_COMPOSE=deployment $(RUN) -m pytest tests/compose
test-upgrade: python ## Test that the newest code takes over the containers and data of the first one
	@docker/ensure_engine.sh apache/airflow:3.3.2-python3.12
	STORELINE_TEST_COMPOSE=upgrade $(RUN) -m pytest tests/compose
bench-compose: ## Run test-compose and record the containers' boot time and memory (P13)
	@STORELINE_RECORD=1 $(MAKE) test-compose
