"""Garbage collections during frames look only at what is new, and NumPy's linear algebra stays on one thread."""

import gc
import os
import subprocess
import sys

import pytest

from edge.runtime.gc_freeze import freeze_gc


@pytest.mark.skipif(not hasattr(gc, "freeze"), reason="Python 3.6 cannot exclude objects from a collection")
def test_what_is_there_is_not_looked_at_again():
    objects = [[number] for number in range(1000)]
    try:
        freeze_gc()
        assert gc.get_freeze_count() > len(objects)
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("given, expected", [(None, "1"), ("2", "2")])
def test_linear_algebra_has_one_thread_unless_told_otherwise(given, expected):
    environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_NUM_THREADS"}
    if given:
        environment["OPENBLAS_NUM_THREADS"] = given
    code = "import edge, os; print(os.environ['OPENBLAS_NUM_THREADS'])"
    said = subprocess.check_output([sys.executable, "-c", code], env=environment, universal_newlines=True)
    assert said.strip() == expected
