# senex: `make demo` opens the console on everything; `make check` is what CI runs.
# ARGS= goes to the command (make demo ARGS="--headless --json"), PYTHON= names the Python for .venv.
.DEFAULT_GOAL := help
.PHONY: help install install-dev demo test long check faults faults-processes mutation soak drill upgrade-server-test hosts bench compose-test sdk-suite client-check determinism audit secrets-baseline lock
PYTHON ?=
ARGS ?=
export PYTHON
BIN := .venv/bin
# two processes, each with servers of its own; a file of tests stays together, and folders keep their
# order: what takes a minute (tests/faults, tests/soak) is begun before the many short ones, and is no tail
PARALLEL := --numprocesses=2 --dist=loadfile --no-loadscope-reorder

help:  ## show the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 26

install:  ## install senex into .venv
	@./install.sh

install-dev:
	@./install.sh dev

demo: install  ## everything on this machine, simulated, then the console
	@$(BIN)/python -m senex demo $(ARGS)

test: install-dev  ## run the tests
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

long: install-dev  ## run the tests that take long
	@$(BIN)/python -m pytest $(PARALLEL) -m long $(ARGS)

check: install-dev  ## lint, types, import contracts, locks, secrets, generated docs, tests
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.locks
	@git ls-files -z | xargs -0 -P 2 -n 300 $(BIN)/detect-secrets-hook --baseline .secrets.baseline
	@containers/lint
	@$(BIN)/python -m senex.config_docs --check
	@$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

faults: install-dev  ## a thousand seeds of each random fault: about an hour (ARGS="--minutes 10")
	@$(BIN)/python -m tests.faults.tier1 $(ARGS)

faults-processes: install-dev  ## kill real processes at every commit, request and answer of two stories
	@$(BIN)/python -m tests.faults.tier2 $(ARGS)

mutation: install-dev  ## change the modules that submit and book, and print how much the tests notice
	@$(BIN)/python -m tests.mutation $(ARGS)

OLD := .postgres-16
upgrade-server-test: install-dev  ## bring data of Postgres 16 (fetches it) under the bundled one
	@[ -d $(OLD) ] || $(BIN)/python -m pip install --quiet --no-deps --target $(OLD) pgserver==0.1.4
	@$(BIN)/python -m pytest -m long tests/integration/test_upgrade_server.py $(ARGS)

hosts: install-dev  ## several machines as network namespaces: partitions, losses, distance (root only)
	@$(BIN)/python -m pytest -m long tests/hosts $(ARGS)

drill: install-dev  ## lose a machine in mid-trade, restore on a bare one; RPO and RTO (ARGS="--entries 20")
	@$(BIN)/python -m tests.recovery $(ARGS)

SEEDS ?= 1
soak: install-dev  ## the whole daemon through SEEDS virtual months, with a kill a day
	@$(BIN)/python -m tests.soak --seeds $(SEEDS) $(ARGS)

bench: install-dev  ## run the benchmarks
	@$(BIN)/python -m bench $(ARGS)

sdk-suite: install-dev  ## run the SDK's own tests against the simulator (fetches them)
	@$(BIN)/python -m tests.conformance.sdk_suite $(ARGS)

client-check: install-dev  ## use another client (fetches it) against the simulator
	@$(BIN)/python -m tests.conformance.client_check

OTHER ?= python3.13
determinism: install-dev  ## the same simulated month under a second Python: the same bytes
	@$(OTHER) -m venv .venv-other
	@.venv-other/bin/python -m pip install --quiet --require-hashes --requirement requirements.lock
	@$(BIN)/python -m tests.contract.simulator_twice .venv-other/bin/python

compose-test:  ## bring the containers up, play the story, kill, lose and restore them
	@containers/compose-test

audit: install-dev  ## ask the network whether a locked version has a known weakness (both locks)
	@for lock in requirements.lock requirements-dev.lock; do \
		$(BIN)/pip-audit --strict --require-hashes --disable-pip --progress-spinner=off -r $$lock $(ARGS) || exit; done

secrets-baseline:  ## after a look at each finding: what the secret scan lets pass
	@$(BIN)/detect-secrets scan --disable-plugin KeywordDetector --exclude-lines 'canary|example|USER:PASSWORD|u:p@|127\.0\.0\.1|localhost' \
		--exclude-files '^requirements.*\.lock$$|__snapshots__/|^\.secrets\.baseline$$' >.secrets.baseline

UV ?= uv
LOCK := $(UV) pip compile pyproject.toml --extra embedded --group build --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --no-header --quiet
lock:  ## renew both locks from pyproject.toml (needs uv)
	@$(LOCK) --output-file requirements.lock
	@$(LOCK) --group dev --constraint requirements.lock --output-file requirements-dev.lock
	@sed -i '1i # Written by `make lock`: every version with its hashes, for Python 3.11 to 3.13.' requirements.lock requirements-dev.lock
