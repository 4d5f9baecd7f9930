# Every target bootstraps what it needs: .venv from the locked, hashed requirements, and the two system packages.
SHELL := /bin/bash
PYTHON ?= python3.11
BIN := .venv/bin
ARGS ?=
# Where it is set, every process would compile every module it imports, each time.
unexport PYTHONDONTWRITEBYTECODE
# Three processes on two cores: tests wait for servers, git and clocks about a fifth of the time.
EVERY_TEST := -n 3 --dist worksteal -m "not slow"

.PHONY: demo test check crash judges bench fmt lock clean

demo: .venv/ready
	@$(BIN)/penstock demo $(ARGS)

test: .venv/ready
	@scripts/judges quick
	@$(BIN)/pytest $(EVERY_TEST) $(ARGS)

check: .venv/ready
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/pytest $(EVERY_TEST) $(ARGS)

crash: .venv/ready
	$(BIN)/python -m tests.crash $(ARGS)

judges: .venv/ready
	@scripts/judges
	@$(BIN)/python -m tests.judges $(ARGS)

bench: .venv/ready
	$(BIN)/python -m benchmarks $(ARGS)

fmt: .venv/ready
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: .venv/ready
	scripts/lock

.venv/ready: requirements-uv.lock requirements-dev.lock pyproject.toml scripts/bootstrap
	@PYTHON=$(PYTHON) scripts/bootstrap

clean:
	rm -rf .venv .penstock build dist
