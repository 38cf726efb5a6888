"""Which monitors a configuration names, and where they are asked."""

import pytest

from edge.config import default_settings
from edge.errors import UserError
from edge.following.sources import databases_of, sockets_of


def settings(sources):
    """Settings with that [bridge] sources."""
    return default_settings()._replace(bridge=default_settings().bridge._replace(sources=sources))


def test_an_instance_needs_no_path():
    assert sockets_of(settings("bed=/run/cry-monitor.socket, cot")) == {
        "bed": "/run/cry-monitor.socket",
        "cot": "/run/cry-monitor-cot.socket",
    }


@pytest.mark.parametrize(
    "sources, says", [("a=", "NAME=SOCKET"), ("a,a", "twice"), ("a/b", "letters"), (",", "letters")]
)
def test_what_is_no_list_of_monitors_is_one_line(sources, says):
    with pytest.raises(UserError) as refused:
        sockets_of(settings(sources))
    assert says in str(refused.value)


def test_the_databases_of_services_go_by_the_names_of_their_sockets():
    several = settings("nursery=/run/cry-monitor.socket, cot, x=/tmp/s")
    assert databases_of(several, sockets_of(several)) == {
        "nursery": "/var/lib/cry-monitor/events.db",
        "cot": "/var/lib/cry-monitor-cot/events.db",
    }


def test_the_database_of_one_is_as_it_is_configured():
    none = settings("")
    one = none._replace(store=none.store._replace(path="/data/night.db"))
    assert databases_of(one, {"nursery": "/tmp/s"}) == {"nursery": "/data/night.db"}
    assert databases_of(none, {"nursery": "/tmp/s"}) == {}
