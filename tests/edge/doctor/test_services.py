"""Which service the doctor looks at, by the configuration that it is given."""

import pytest

from edge.doctor.service import service_finding, service_of

ACTIVE = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "SubState": "running",
    "NRestarts": "2",
    "StatusText": "healthy",
}


@pytest.mark.parametrize(
    "configuration, unit, database",
    [
        (None, "cry-monitor", "/var/lib/cry-monitor/events.db"),
        ("/etc/cry-monitor/cry-monitor.toml", "cry-monitor", "/var/lib/cry-monitor/events.db"),
        ("/etc/cry-monitor/cot.toml", "cry-monitor@cot", "/var/lib/cry-monitor-cot/events.db"),
        ("/home/me/cot.toml", "cry-monitor", "/var/lib/cry-monitor/events.db"),
    ],
)
def test_the_service_of_a_configuration(configuration, unit, database):
    service = service_of(configuration)
    assert (service.unit, service.database) == (unit, database)


def test_an_instance_is_named_in_what_is_found_and_in_what_to_do():
    finding = service_finding(service_of("/etc/cry-monitor/cot.toml"), ACTIVE)
    assert finding.found.startswith("cry-monitor@cot: active") and "journalctl -u cry-monitor@cot" in finding.do
    assert service_finding(service_of(), ACTIVE).found.startswith("active (running)")
