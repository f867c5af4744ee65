# Two commands for a fresh machine: `make demo` and `make test`. They set up all that they need:
# an environment in .venv, and a release build of the engine in it. Rust's `cargo` must be there, or
# a wheel: in dist/, or the one that ZARR_WHEEL names.

# $(call python-from,MINOR): the first of these that is there, runs (a shim may not) and is 3.MINOR or newer.
python-from = $(shell for p in $(HOME)/.pyenv/versions/3.13*/bin/python \
                               python3.13 python3.12 python3.11 python3.14 python3; do \
                  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, $1))' 2>/dev/null \
                  && echo "$$p" && break; done)
ifndef PYTHON
PYTHON := $(call python-from,11)
endif
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
PEERS := .envs/peers
# Processes of tests; the tests of a module run in one of them. The names of some tests have sets in
# them, which must have the same order in all processes.
JOBS ?= 2
export PYTHONHASHSEED ?= 0
PYTHON_DIRS := src tests benchmarks examples tools
ENGINE_FEATURES := blosc gzip lz4 zstd http json
# A wheel is used where one is named, or where there is no Rust to build one.
CARGO := $(shell command -v cargo)
WHEEL := $(or $(ZARR_WHEEL),$(if $(CARGO),,$(lastword $(sort $(wildcard dist/zarr-*.whl)))))
RUST := $(shell find rust -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock

.PHONY: build demo test test-rust test-python test-wheel wheels lint format hooks news docs bench clean

# -- set-up, each step done once ------------------------------------------------------------------

$(VENV)/.made:
	@test -n "$(PYTHON)" || { echo 'Python 3.11 or newer is needed.'; exit 1; }
	@test -n "$(CARGO)$(WHEEL)" || { echo 'Rust is needed, or a wheel that ZARR_WHEEL names. Rust:'; \
	    echo "  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	    echo 'Python lacks venv: on Debian, apt install python3-venv'; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(PIP) install --upgrade pip 'maturin>=1.9,<2'
	@touch $@

$(VENV)/.built: $(VENV)/.made pyproject.toml $(RUST)
ifeq ($(WHEEL),)
	. $(BIN)/activate && maturin develop --release
else
	$(PIP) install --force-reinstall '$(WHEEL)'
endif
	@touch $@

$(VENV)/.group-%: $(VENV)/.made pyproject.toml
	$(PIP) install --group $*
	@touch $@

# Other implementations, in an environment of their own: one of them is called `zarr`, too. They need
# a newer Python; where there is none, the tests beside them are skipped.
$(PEERS)/.made: PEERS_PYTHON = $(call python-from,12)
$(PEERS)/.made: tests/interop/peers.txt
	@mkdir -p $(PEERS)
	@test -n "$(PEERS_PYTHON)" || echo 'Other implementations need Python 3.12: no tests beside them.'
	test -z "$(PEERS_PYTHON)" || { $(PEERS_PYTHON) -m venv $(PEERS) && $(PEERS)/bin/python -m pip \
	    --quiet --disable-pip-version-check install -r tests/interop/peers.txt; }
	@touch $@

# -- commands -------------------------------------------------------------------------------------

build: $(VENV)/.built

demo: build $(VENV)/.group-demo
	$(BIN)/python examples/demo.py

test: test-rust test-python

test-rust: $(VENV)/.made
ifeq ($(WHEEL),)
	cargo test --release --package zarr-engine --quiet
else
	@echo 'The tests of the engine need Rust: only those of the wheel are run.'
endif

test-python: build $(VENV)/.group-test $(VENV)/.group-clients $(PEERS)/.made
	ZARR_PEERS=$(abspath $(PEERS))/bin/python $(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

# The wheel, in an environment of its own, with another Python than that of .venv where there is one.
OTHER_PYTHON = $(shell for p in $(HOME)/.pyenv/versions/3.1[1-9]*/bin/python python3.11 python3.12 \
                                python3.14 python3.15 $(BIN)/python; do \
                  "$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
                  && echo "$$p" && break; done)
test-wheel: build
	rm -rf build/wheel && . $(BIN)/activate && maturin build --release --quiet --out build/wheel
	$(OTHER_PYTHON) -m venv --clear .envs/wheel
	.envs/wheel/bin/python -m pip --quiet --disable-pip-version-check install build/wheel/*.whl
	cd build/wheel && ../../.envs/wheel/bin/python -W error \
	    -c 'import zarr.testing; zarr.testing.smoke()'

# Wheels for Linux, and a source distribution that is built without a network. See docs/releasing.md.
wheels: $(VENV)/.made
	tools/wheels/build dist

lint: build $(VENV)/.group-lint $(VENV)/.group-test $(VENV)/.group-docs
	cargo fmt --all --check
	cargo clippy --release --all-targets --quiet -- --deny warnings
	for feature in '' $(ENGINE_FEATURES); do \
	    cargo clippy --release --quiet --package zarr-engine --no-default-features \
	        --features "$$feature" -- --deny warnings || exit 1; done
	RUSTDOCFLAGS='--deny warnings' cargo doc --release --no-deps --quiet --package zarr-engine
	$(BIN)/ruff check $(PYTHON_DIRS)
	$(BIN)/ruff format --check $(PYTHON_DIRS)
	$(BIN)/mypy src/zarr tests/typing tools
	$(BIN)/pyright --pythonpath $(BIN)/python tests/typing
	$(BIN)/python -m mypy.stubtest zarr._core
	$(BIN)/python tools/docstrings.py
	$(BIN)/codespell
	$(BIN)/pymarkdown scan *.md docs news/README.md tests .github
	$(BIN)/towncrier build --draft --version next >/dev/null
	$(BIN)/python tools/notices.py --check
	$(BIN)/python tools/tests_index.py --check
	$(BIN)/python tools/house.py

format:
	cargo fmt --all
	$(BIN)/ruff check --fix $(PYTHON_DIRS)
	$(BIN)/ruff format $(PYTHON_DIRS)

# The quick part of `lint` before each commit.
hooks: $(VENV)/.group-lint
	$(BIN)/pre-commit install

# The section of the changelog that the fragments in news/ make.
news: $(VENV)/.group-lint
	@$(BIN)/towncrier build --draft --version next

# Builds the site in build/site, with warnings as errors, and tests that it has every public name.
docs: build $(VENV)/.group-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs --quiet build --strict
	ZARR_SITE=build/site $(BIN)/python -m pytest -q tests/docs/test_site.py

bench: build $(PEERS)/.made
	@mkdir -p build
	cargo build --release --quiet --package zarr-floor
	$(BIN)/python -m benchmarks --peers $(PEERS)/bin/python --json build/benchmarks.json $(ARGS)

clean:
	rm -rf target build $(VENV) .envs demo-output src/zarr/*.so
