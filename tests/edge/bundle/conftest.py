"""Fixtures of the bundles' tests."""

import pytest
from example_bundle import example_manifest, write_manifest


@pytest.fixture
def folder(tmp_path):
    """A directory that holds a valid bundle."""
    write_manifest(str(tmp_path), example_manifest(str(tmp_path)))
    return str(tmp_path)
