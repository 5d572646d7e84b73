# Every target makes its own virtual environment in .venv, once.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test lint bench proto schema screenshots test-sdk clean

.venv/.ready: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@

demo: .venv/.ready  ## pull a stand-in account, sync again, read it offline
	$(BIN)/syncengine demo

test: .venv/.ready  ## the whole test suite; three at once keep two cores busy
	$(BIN)/python -m pytest -n 3 --dist worksteal

lint: .venv/.ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: .venv/.ready  ## every benchmark, small: about three minutes
	$(BIN)/python -m benchmarks

test-sdk: .venv/.ready  ## the official web SDK, under Node, against the emulator
	$(BIN)/python -m pytest tests/sdk -rs

proto: .venv/.ready  ## compile schema/wire/roaming.proto
	$(BIN)/python -m grpc_tools.protoc -Ischema/wire --descriptor_set_out=schema/wire/roaming.binpb \
		--pyi_out=syncengine/remote/easemob roaming.proto

screenshots: .venv/.ready  ## the pictures of the window in the README
	$(BIN)/python -m tests.tui.screens

schema: .venv/.ready  ## write schema/store/latest.sql from the migrations
	$(BIN)/python -c 'from syncengine.store.migrate import latest_schema as s; print(s(), end="")' \
		> .latest.sql && mv .latest.sql schema/store/latest.sql

clean:
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .hypothesis dist build
