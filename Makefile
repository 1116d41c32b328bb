# `make demo` and `make test` need Rust, Python >= 3.10 with venv, and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src python wheel-data -type f -not -name '*.so' -not -name '*.pyc') \
	Cargo.toml Cargo.lock pyproject.toml README.md LICENSE
WHEEL := dist/.built
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test test-rust test-python soak lint format wheel bench bench-core bench-readme clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# One stamp for each set of tools, remade when its pins change.
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.build: $(VENV)/.created requirements/build.txt
	$(PIP) --requirement requirements/build.txt
	touch $@

$(VENV)/.test: $(VENV)/.build requirements/test.txt
	$(PIP) --requirement requirements/test.txt
	touch $@

$(VENV)/.bench: $(VENV)/.build requirements/bench.txt requirements/constraints.txt
	$(PIP) --requirement requirements/bench.txt
	touch $@

$(WHEEL): $(VENV)/.build $(SOURCES)
	rm -rf dist
	$(BIN)/maturin build --release --locked --out dist
	touch $@

# The wheel, as a user gets it: not the source tree, and not editable.
$(VENV)/.installed: $(WHEEL)
	$(PIP) --force-reinstall --no-deps dist/*.whl
	touch $@

wheel: $(WHEEL) ## build the wheel into dist/

demo: $(VENV)/.test $(VENV)/.installed ## run the main job on real photographs, into demo-output/
	$(BIN)/ptpd-monitor demo --output demo-output

test: test-rust test-python ## build, install and pass every test

test-rust:
	cargo test --locked --no-default-features

test-python: $(VENV)/.test $(VENV)/.installed
	PTPD_WHEEL="$$(ls $(CURDIR)/dist/*.whl)" $(BIN)/python -m pytest

soak: $(VENV)/.test $(VENV)/.installed ## run the long forms of the tests, a simulated day of load among them
	$(BIN)/python -m pytest tests/soak
	cargo test --locked --release --no-default-features --test soak -- --ignored

lint: $(VENV)/.test $(VENV)/.installed ## check format, lints, types, stubs and licences
	cargo fmt --check
	cargo clippy --locked --all-targets -- --deny warnings
	cargo clippy --locked --all-targets --no-default-features -- --deny warnings
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ptpd_monitoring._native
	$(BIN)/python scripts/check_licences.py

format: $(VENV)/.test ## format the code
	cargo fmt
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench $(VENV)/.installed ## measure beside the peers; BENCH="--only cache" for a part
	$(BIN)/python -m benchmarks.run --json benchmarks/results.json $(BENCH)

bench-core: $(VENV)/.created ## time the core's hottest paths and count their instructions
	$(BIN)/python scripts/bench_core.py

bench-readme: $(VENV)/.created ## put the table of the last `make bench` into the README
	$(BIN)/python scripts/update_readme_table.py benchmarks/results.json

clean: ## remove what was built
	rm -rf target dist $(VENV) demo-output
