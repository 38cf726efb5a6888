"""Fixtures of the store's tests."""

import pytest

from edge.store import Store


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "state" / "events.db")


@pytest.fixture
def store(path):
    with Store(path) as opened:
        yield opened
