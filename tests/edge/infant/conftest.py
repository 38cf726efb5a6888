"""A bundle with an embedding, and monitors that listen with it."""

import pytest
from embedding_bundle import write_embedding_bundle
from loud_bundle import loud_bundle  # noqa: F401

from edge.bundle import load_bundle, open_embedding
from edge.infant.own_infant import OwnInfant


@pytest.fixture(scope="session")
def embedding_bundle(loud_bundle, tmp_path_factory):  # noqa: F811
    """Directory of the bundle; the test is skipped where no engine is installed."""
    return write_embedding_bundle(tmp_path_factory.mktemp("embedding"))


@pytest.fixture(scope="session")
def network(embedding_bundle):
    return open_embedding(embedding_bundle)


@pytest.fixture
def bundle(embedding_bundle, network):
    """Open, with somebody who asks whose a cry is."""
    return load_bundle(embedding_bundle)._replace(infant=OwnInfant(network))


@pytest.fixture
def database(tmp_path):
    return str(tmp_path / "night.db")
