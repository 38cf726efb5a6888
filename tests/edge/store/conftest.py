"""Fixtures of the store's tests."""

import pytest

from edge.config import default_settings
from edge.store import Store
from edge.store.buffered_store import BufferedStore


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "state" / "events.db")


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened


@pytest.fixture
def keeper(path):
    with BufferedStore(path, default_settings()) as opened:
        yield opened
