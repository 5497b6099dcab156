# SPDX-License-Identifier: Apache-2.0
# make demo and make test need only Python 3.11 and a C compiler; the rest is for development.
PYTHON ?= python3
TORCH ?= torch==2.13.0
CLANG_FORMAT ?= clang-format
VENV = .venv
PY = $(VENV)/bin/python
PIP = $(PY) -m pip --disable-pip-version-check
SOURCES = $(wildcard setup.py pyproject.toml fastrnn/_core/*.p[yx][xd] src_c/*.[ch] src_c/isa/*.[ch])
C_FILES = $(wildcard src_c/*.[ch] $(foreach d,isa tests examples cortex-m,src_c/$(d)/*.[ch]) \
            fastrnn/_core/*.h tests/*/*.c bench/*.c)

# Tests of what computes, which run once more under np.seterr(all="raise").
ARITHMETIC = $(patsubst %,tests/%.py,engine/test_reference engine/test_oracle_beside_engine \
	$(patsubst %,layers/test_%,demo_parts embedding keras_gradients noise_layers) \
	$(patsubst %,models/test_%,choice generation generation_models models optimizer_files \
		optimizers preprocessing saving subclassed training utils) \
	$(patsubst %,parity/test_keras_%,layers losses metrics pieces) parity/test_reference_torch)

.PHONY: demo test test-seterr test-c asan lint format bench bench-check bench-limits bench-marks bench-busy bench-keras \
	bench-activations clean

demo: $(VENV)/.package
	$(PY) -m fastrnn demo

test: $(VENV)/.test
	$(PY) -m pytest $(ARGS)

test-seterr: $(VENV)/.test
	$(PY) -m pytest --seterr raise $(ARGS) $(ARITHMETIC)

test-c:
	$(MAKE) -C src_c test

asan:
	$(MAKE) -C src_c asan

lint: $(VENV)/.lint
	$(VENV)/bin/ruff check .
	PATH="$(CURDIR)/$(VENV)/bin:$$PATH" cython-lint fastrnn/_core # which calls pycodestyle
	$(VENV)/bin/mypy
	$(CLANG_FORMAT) --dry-run --Werror $(C_FILES)

format: $(VENV)/.lint
	$(VENV)/bin/ruff check -q --fix --exit-zero .
	$(CLANG_FORMAT) -i $(C_FILES)

bench: $(VENV)/.bench
	$(PY) bench/run.py $(ARGS)

bench-check: $(VENV)/.bench
	$(PY) bench/run.py --check bench/baseline/avx512-1.json $(ARGS)

bench-limits: $(VENV)/.bench
	$(PY) bench/limits.py $(ARGS)

bench-marks: $(VENV)/.bench
	@failed=0; for p in rows start memory program; do $(PY) bench/marks/$$p.py || failed=1; done; exit $$failed

bench-busy: $(VENV)/.bench
	$(PY) bench/marks/busy.py $(ARGS)

bench-keras: $(VENV)/.bench-keras
	$(PY) bench/beside_keras/programs.py $(ARGS)

bench-activations: $(VENV)/.bench-keras
	$(PY) bench/beside_keras/activations.py $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info fastrnn/_core/*.c fastrnn/_core/*.so
	$(MAKE) -C src_c clean

# One environment for all targets; a stamp file in it says which extras are there already.
$(PY):
	$(PYTHON) -m venv $(VENV)

$(VENV)/.package: $(SOURCES) | $(PY)
	$(PIP) install -e .
	touch $@

# torch first and by itself, so that the version asked for is the one the others find.
$(VENV)/.test $(VENV)/.bench $(VENV)/.bench-keras: $(VENV)/.%: $(SOURCES) | $(PY)
	$(PIP) install "$(TORCH)"
	$(PIP) install -e ".[$*]"
	touch $@ $(VENV)/.package

$(VENV)/.lint: | $(PY)
	$(PIP) install ruff cython-lint mypy numpy
	touch $@
