"""Every test computes on one thread: `make test` runs several rooms at a time, and the product does so too."""

import os
import shutil
import sys
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

import edge  # noqa: E402, F401  before NumPy: it keeps linear algebra on one thread

REPOSITORY = Path(__file__).parent.parent


@pytest.fixture(scope="session")
def copy_of(tmp_path_factory):
    """copy_of(names) -> a folder with these of the repository: what is built or installed there leaves nothing here."""

    def copy_of(names):
        copy = tmp_path_factory.mktemp("source")
        for name in names:
            path = REPOSITORY / name
            if path.is_dir():
                shutil.copytree(str(path), str(copy / name), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(str(path), str(copy))
        return copy

    return copy_of
