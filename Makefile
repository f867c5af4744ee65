# Two commands for a fresh machine: `make demo` and `make test`. They set up all that they need:
# an environment in .venv, and a release build of the engine in it. Rust's `cargo` must be there.

PYTHON ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.13*/bin/python) \
                      $(shell command -v python3.13 python3.12 python3.11 python3 2>/dev/null))
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PEERS := .envs/peers
RUST := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

.PHONY: build demo test test-rust test-python lint format bench clean

# -- set-up, each step done once ------------------------------------------------------------------

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; assert sys.version_info >= (3, 11), "Python 3.11 or newer is needed"'
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip 'maturin>=1.9,<2'
	@touch $@

$(VENV)/.built: $(VENV)/.made pyproject.toml $(RUST)
	. $(BIN)/activate && maturin develop --release
	@touch $@

$(VENV)/.group-%: $(VENV)/.made pyproject.toml
	$(PIP) install --group $*
	@touch $@

# Other implementations, in an environment of their own: one of them is called `zarr`, too.
$(PEERS)/.made: tests/interop/peers.txt
	$(PYTHON) -m venv $(PEERS)
	$(PEERS)/bin/python -m pip --quiet --disable-pip-version-check install -r tests/interop/peers.txt
	@touch $@

# -- commands -------------------------------------------------------------------------------------

build: $(VENV)/.built

demo: build $(VENV)/.group-demo
	$(BIN)/python examples/demo.py

test: test-rust test-python

test-rust:
	cargo test --release --package zarr-engine --quiet

test-python: build $(VENV)/.group-test $(PEERS)/.made
	ZARR_PEERS=$(abspath $(PEERS))/bin/python $(BIN)/python -m pytest $(ARGS)

lint: build $(VENV)/.group-lint $(VENV)/.group-test
	cargo fmt --all --check
	cargo clippy --release --all-targets --quiet -- --deny warnings
	$(BIN)/ruff check src tests benchmarks examples
	$(BIN)/ruff format --check src tests benchmarks examples
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest zarr._core

format:
	cargo fmt --all
	$(BIN)/ruff check --fix src tests benchmarks examples
	$(BIN)/ruff format src tests benchmarks examples

bench: build $(PEERS)/.made
	cargo build --release --quiet --package zarr-floor
	$(BIN)/python -m benchmarks --peers $(PEERS)/bin/python $(ARGS)

clean:
	rm -rf target build $(VENV) .envs demo-output src/zarr/*.so
