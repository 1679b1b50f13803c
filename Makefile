# Thin: every line is a command that can be typed by hand.
.DEFAULT_GOAL := help
.PHONY: help setup up down test test-fast test-lab test-long bench
MAKEFLAGS += --no-print-directory
BIN := .venv/bin
# Labs at once: the emulated pair keeps two cores busy.
LABS := $(shell [ $$(nproc) -ge 4 ] && echo 2 || echo 0)

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## Install what is missing: system packages, locked environment, engine
	@scripts/setup.sh

up: ## Set up, boot the lab, deploy the stack lab on it, verify it
	@scripts/setup.sh --lab
	@$(BIN)/guesthouse lab up
	@$(BIN)/guesthouse up lab --yes
	@$(BIN)/guesthouse verify lab

down: ## Take the lab and its state away; caches stay
	@if [ -x $(BIN)/guesthouse ]; then $(BIN)/guesthouse lab down; \
	elif [ -d .guesthouse/lab ]; then echo "the environment is missing: make setup, then make down"; exit 1; \
	else echo "nothing to take down"; fi

test: ## All tests
	@scripts/setup.sh --lab
	@$(MAKE) test-fast test-lab

test-lab: setup ## One full pass of labs of its own: container hosts, then the emulated pair
	@$(BIN)/pytest -v tests/lab -m "not long" -n $(LABS) --dist loadgroup --durations 10 \
		-o faulthandler_timeout=1800 -o console_output_style=times

test-fast: ## Linters, types and all tests that need no lab; five to ten minutes
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@scripts/s3.sh > /dev/null
	@$(BIN)/pytest -q -n auto --ignore=tests/lab -m "not lab and not long" \
		-o faulthandler_timeout=600 -o faulthandler_exit_on_timeout=true

test-long: ## Every row of effects on the lab that is up; kill -9 at every machine call; hours
	@scripts/setup.sh --long
	@$(BIN)/python tests/unit/site_mutations.py 10000
	@engine/libvirt/private-libvirtd.sh $(BIN)/pytest -q -m lab tests/hypervisor
	@engine/libvirt/private-libvirtd.sh $(BIN)/python tests/faults --control
	@engine/libvirt/private-libvirtd.sh $(BIN)/python tests/faults
	@$(BIN)/python tests/effects
	@$(BIN)/python tests/faults/lab.py
	@$(BIN)/python tests/races
	@$(BIN)/python tests/races/interrupts.py
	@$(BIN)/pytest tests/provider -m long -s
	@$(BIN)/pytest -v tests/lab -m long -n $(LABS) --dist loadgroup --durations 10

bench: ## Print ratios and write docs/results/bench.md; on a lab that is up also its rows
	@scripts/setup.sh --long
	@$(BIN)/python tests/bench --write --lab
