# make demo: hear a made-up nursery night, with the light device dependencies only.
# make test: every test, in an environment made for it.
PYTHON ?= python3
DEMO_ENV = .venv-demo
TEST_ENV = .venv-test

.PHONY: demo test lint clean

demo: $(DEMO_ENV)/ready
	$(DEMO_ENV)/bin/cry-monitor demo

test: $(TEST_ENV)/ready lint
	$(TEST_ENV)/bin/python -m pytest
	tests/other_pythons

lint: $(TEST_ENV)/ready
	$(TEST_ENV)/bin/ruff check .
	$(TEST_ENV)/bin/vermin -t=3.6- --no-tips --violations --quiet edge setup.py

$(DEMO_ENV)/ready: setup.py
	$(PYTHON) -m venv $(DEMO_ENV)
	$(DEMO_ENV)/bin/python -m pip install --quiet --editable '.[device]'
	touch $@

$(TEST_ENV)/ready: setup.py
	$(PYTHON) -m venv $(TEST_ENV)
	$(TEST_ENV)/bin/python -m pip install --quiet --editable '.[test-all]'
	touch $@

clean:
	rm -rf $(DEMO_ENV) $(TEST_ENV) .venv-edge-* build dist *.egg-info
