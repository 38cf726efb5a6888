"""A listening socket on a path that is short enough, and what connects to it."""

import os
import shutil
import tempfile

import pytest
from socket_reader import Connection

from edge.sinks.local_socket import LocalSocketSink
from edge.sinks.place import listen
from edge.status import HEALTHY, Status


@pytest.fixture
def folder():
    """Not pytest's tmp_path: the path of a Unix socket may have 107 bytes."""
    path = tempfile.mkdtemp(prefix="cry")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def path(folder):
    return os.path.join(folder, "socket")


@pytest.fixture
def status():
    status = Status()
    status.enter(HEALTHY, "hearing USB")
    return status


@pytest.fixture
def sink(path, status):
    sink = LocalSocketSink(listen(path), status.snapshot, {"echo": lambda request: {"said": request.get("say")}}, path)
    yield sink
    sink.close()


@pytest.fixture
def connect(sink, path):
    """connect() -> a Connection that has been told the status."""
    connections = []

    def connect():
        connections.append(Connection(path))
        return connections[-1]

    yield connect
    for connection in connections:
        connection.close()
