# `make demo` and `make test` need Rust, Python >= 3.10 with venv, and the package registries.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find src python wheel-data -type f -not -name '*.so' -not -name '*.pyc') \
	Cargo.toml Cargo.lock pyproject.toml README.md LICENSE
WHEEL := dist/.built
# On Linux for glibc 2.17, the oldest that Rust and the package index know of, by the compiler and
# linker of zig, whatever this machine's own may be. `make wheel PORTABLE=` takes the machine's.
PORTABLE ?= $(shell rustc -vV | grep -qE '^host: (x86_64|aarch64)-unknown-linux-gnu$$' && \
	echo --zig --compatibility manylinux_2_17)
# By zig's own unwinder the end of the interpreter, which unwinds daemon threads by the system's, would crash.
UNWINDER := $(if $(findstring --zig,$(PORTABLE)),-- -C link-arg=$(shell cc -print-file-name=libgcc_s.so.1))
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.PHONY: help demo test test-rust test-schedules test-python test-parallel test-all-pythons soak soak-core soak-memory soak-use fuzz lint lint-rust lint-python format wheel bench bench-core bench-readme pictures clean

help: ## show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 16

# One stamp for each set of tools, remade when its pins change.
$(VENV)/.created:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10) and "Python 3.10 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.build: $(VENV)/.created requirements/build.txt requirements/constraints.txt
	$(PIP) --requirement requirements/build.txt
	touch $@

$(VENV)/.test: $(VENV)/.build requirements/test.txt requirements/constraints.txt
	$(PIP) --requirement requirements/test.txt
	touch $@

$(VENV)/.bench: $(VENV)/.build requirements/bench.txt requirements/constraints.txt
	$(PIP) --requirement requirements/bench.txt
	touch $@

$(WHEEL): $(VENV)/.build $(SOURCES)
	rm -rf dist
	CARGO_ZIGBUILD_PYTHON_PATH=$(CURDIR)/$(BIN)/python $(BIN)/maturin build --release --locked --out dist $(PORTABLE) $(UNWINDER)
	touch $@

# The wheel, as a user gets it: not the source tree, and not editable.
$(VENV)/.installed: $(WHEEL)
	$(PIP) --force-reinstall --no-deps dist/*.whl
	touch $@

wheel: $(WHEEL) ## build the wheel into dist/

demo: $(VENV)/.test $(VENV)/.installed ## run the main job on real photographs, into demo-output/
	$(BIN)/ptpd-monitor demo --output demo-output

test: test-rust test-schedules test-python test-parallel ## build, install and pass every test

test-rust:
	cargo test --locked --no-default-features

# Locks and atomics are then a scheduler's: nothing else of the core can be tested like that.
test-schedules:
	cargo test --locked --no-default-features --features shuttle --test schedules

test-python: $(VENV)/.test $(VENV)/.installed
	PTPD_WHEEL="$$(ls $(CURDIR)/dist/*.whl)" $(BIN)/python -m pytest

# Each test in several threads at the same time, with objects of its own. What cannot has just run.
PARALLEL ?= --parallel-threads=4
test-parallel: $(VENV)/.test $(VENV)/.installed
	PTPD_WHEEL="$$(ls $(CURDIR)/dist/*.whl)" $(BIN)/python -m pytest $(PARALLEL) \
		--skip-thread-unsafe=True --mark-hypothesis-as-unsafe -r fE

ALL_PYTHONS ?=
test-all-pythons: $(WHEEL) ## test the wheel on every supported Python that is found
	$(BIN)/python scripts/test_all_pythons.py dist/*.whl $(ALL_PYTHONS)

# Two of them at a time, and each to its end whatever becomes of the others.
soak: $(VENV)/.test $(VENV)/.installed ## run the long forms of the tests, a simulated day of load among them
	+$(MAKE) --no-print-directory --keep-going --jobs=2 soak-use soak-core soak-memory

SOAK := $(BIN)/python -m pytest --quiet --override-ini=console_output_style=classic
SOAK_MEMORY := tests/soak/test_day_of_load.py tests/soak/test_soak_memory.py

soak-core:
	cargo test --locked --release --no-default-features --test soak -- --ignored --test-threads=1

soak-memory: $(VENV)/.test $(VENV)/.installed
	$(SOAK) $(SOAK_MEMORY)

soak-use: $(VENV)/.test $(VENV)/.installed
	$(SOAK) $(addprefix --ignore=,$(SOAK_MEMORY)) tests/soak

# Coverage by stable flags; with a target named, build scripts are spared them.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS := cache export histogram settings
FUZZ_FLAGS := --cfg fuzzing -Ccodegen-units=1 -Cdebug-assertions -Coverflow-checks -Cpasses=sancov-module \
	$(addprefix -Cllvm-args=-sanitizer-coverage-,level=4 inline-8bit-counters pc-table trace-compares)

fuzz: ## search each fuzz target for FUZZ_SECONDS
	host=$$(rustc -vV | sed -n 's/^host: //p') && cd fuzz && \
	RUSTFLAGS="$(FUZZ_FLAGS)" cargo build --locked --release --target "$$host" && \
	for target in $(FUZZ_TARGETS); do \
		mkdir -p "corpus/$$target" "artifacts/$$target" && \
		"target/$$host/release/$$target" -max_total_time=$(FUZZ_SECONDS) -timeout=60 -len_control=0 \
			-max_len=1024 -print_final_stats=1 -artifact_prefix="artifacts/$$target/" \
			"corpus/$$target" "seeds/$$target" || exit 1; \
	done

lint: lint-rust lint-python ## check format, lints, types, stubs and licences

lint-rust:
	cargo fmt --check
	cargo fmt --check --manifest-path fuzz/Cargo.toml
	cargo clippy --locked --all-targets -- --deny warnings
	cargo clippy --locked --all-targets --no-default-features -- --deny warnings
	cargo clippy --locked --no-default-features --features shuttle --test schedules -- --deny warnings
	cargo clippy --locked --manifest-path fuzz/Cargo.toml --target-dir target -- --deny warnings

lint-python: $(VENV)/.test $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest ptpd_monitoring._native --allowlist tests/stubtest-allowlist.txt
	$(BIN)/python scripts/check_licences.py

format: $(VENV)/.test ## format the code
	cargo fmt
	cargo fmt --manifest-path fuzz/Cargo.toml
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.bench $(VENV)/.installed ## measure beside the peers; BENCH="--only cache" for a part
	$(BIN)/python -m benchmarks.run --json benchmarks/results.json $(BENCH)

bench-core: $(VENV)/.created ## time the core's hottest paths and count their instructions
	$(BIN)/python scripts/bench_core.py

bench-readme: $(VENV)/.created ## put the results of the last `make bench` into the README and docs/benchmarks.md
	$(BIN)/python scripts/write_benchmarks.py benchmarks/results.json

# Where they are drawn from shows in them.
PICTURED := /tmp/demo-output
pictures: $(VENV)/.test $(VENV)/.installed ## draw the README's pictures from two runs of the demo; needs Chromium
	rm -rf $(PICTURED)
	$(BIN)/ptpd-monitor demo --output $(PICTURED)
	$(BIN)/ptpd-monitor demo --output $(PICTURED) --save-terminal docs/images/demo.svg
	$(BIN)/python scripts/pictures.py $(PICTURED)

clean: ## remove what was built
	rm -rf target fuzz/target dist $(VENV) .venvs demo-output
