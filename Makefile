# Everything is set up in .venv; nothing outside the checkout is written but what the demo and the tests record.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(shell find client service -type f -not -name '*.pyc') pyproject.toml README.md LICENSE

.PHONY: demo test check bench bench-render mutants soak format clean

demo: $(VENV)/.installed
	$(BIN)/python examples/demo.py

test: $(VENV)/.installed
	$(BIN)/python -m pytest $(ARGS)

check: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.installed
	$(BIN)/pip install -q 'trackio>=0.2' 'moviepy>=2'
	$(BIN)/python benchmarks/bench.py $(ARGS)

# Against the encoders and plotters that people use today; MuJoCo's clips need libosmesa6.
bench-render: $(VENV)/.installed
	$(BIN)/pip install -q matplotlib 'gymnasium[classic-control,box2d,toy-text,mujoco]' ale-py
	MUJOCO_GL=osmesa $(BIN)/python benchmarks/bench_gif.py
	for name in curve redraw pool live; do $(BIN)/python benchmarks/bench_$$name.py || exit 1; done

# Seven safeguards taken away, one at a time: which test finds it?
mutants: $(VENV)/.installed
	$(BIN)/python tests/faults/mutants.py

# The fault loops at length: `make soak ARGS="--minutes 60"`. Exit status 1 on anything bad.
soak: $(VENV)/.installed
	$(BIN)/python tests/faults/soak.py $(ARGS)

format:
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

$(VENV)/.deps: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(PYTHON) -c "import tomllib; p = tomllib.load(open('pyproject.toml', 'rb'))['project']; \
	  x = p['optional-dependencies']; \
	  print(*p['dependencies'], *x['dev'], *x['test'], sep='\n')" > $(VENV)/requirements.txt
	$(BIN)/pip install -q --disable-pip-version-check -r $(VENV)/requirements.txt
	touch $@

# The tests and the demo run against the built wheel, not against the source tree.
$(VENV)/.installed: $(VENV)/.deps $(SOURCES)
	rm -rf dist
	$(BIN)/pip wheel -q --disable-pip-version-check --no-deps --no-build-isolation -w dist .
	$(BIN)/pip install -q --disable-pip-version-check --no-deps --force-reinstall dist/*.whl
	touch $@

clean:
	rm -rf $(VENV) dist build
