"""`make install` and `make uninstall` below a DESTDIR: it runs from its final place, nothing of others is touched."""

import subprocess

import pytest


@pytest.fixture
def nearly_installed(tmp_path):
    """A folder with what is quick to make of an installation, and a night's events."""
    for path in (
        "etc/systemd/system/cry-monitor-bridge.service",
        "etc/systemd/system/cry-monitor-federate.service",
        "etc/systemd/system/cry-monitor-serve.service",
        "etc/systemd/system/cry-monitor.service",
        "etc/systemd/system/cry-monitor.socket",
        "etc/systemd/system/cry-monitor@.service",
        "etc/systemd/system/cry-monitor@.socket",
        "etc/systemd/system/cry-monitor-camera@.service",
        "etc/systemd/system/cry-monitor-camera@.socket",
        "etc/systemd/system/cry-monitor.service.d/jetson.conf",
        "etc/systemd/system/cry-monitor.service.d/override.conf",
        "etc/cry-monitor/cry-monitor.toml",
        "opt/cry-monitor/bin/cry-monitor",
        "opt/cry-monitor-federate/bin/flower-supernode",
        "opt/other/program",
        "usr/local/bin/cry-monitor",
        "usr/local/bin/edge-bench",
        "usr/local/lib/systemd/system-generators/cry-monitor-page",
        "usr/local/share/bash-completion/completions/cry-monitor",
        "usr/local/share/bash-completion/completions/edge-bench",
        "usr/local/share/cry-monitor/avahi/cry-monitor.service",
        "usr/local/share/man/man1/cry-monitor.1",
        "usr/local/share/man/man1/edge-bench.1",
        "var/lib/private/cry-monitor/events.db",
        "var/lib/private/cry-monitor-cot/events.db",
        "var/cache/private/cry-monitor/detector.engine",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("somebody's")
    (tmp_path / "var" / "lib" / "cry-monitor").symlink_to("private/cry-monitor")
    return tmp_path


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_what_is_installed(installed):
    assert {path for path in files(installed) if not path.startswith("opt/")} == {
        "etc/cry-monitor/cry-monitor.toml",
        "etc/systemd/system/cry-monitor-bridge.service",
        "etc/systemd/system/cry-monitor-federate.service",
        "etc/systemd/system/cry-monitor-serve.service",
        "etc/systemd/system/cry-monitor.service",
        "etc/systemd/system/cry-monitor.socket",
        "etc/systemd/system/cry-monitor@.service",
        "etc/systemd/system/cry-monitor@.socket",
        "etc/systemd/system/cry-monitor-camera@.service",
        "etc/systemd/system/cry-monitor-camera@.socket",
        "usr/local/bin/cry-monitor",
        "usr/local/bin/edge-bench",
        "usr/local/lib/systemd/system-generators/cry-monitor-page",
        "usr/local/share/bash-completion/completions/cry-monitor",
        "usr/local/share/bash-completion/completions/edge-bench",
        "usr/local/share/cry-monitor/avahi/cry-monitor.service",
        "usr/local/share/man/man1/cry-monitor.1",
        "usr/local/share/man/man1/edge-bench.1",
    }
    for program in ("cry-monitor", "edge-bench"):
        first = (installed / "opt" / "cry-monitor" / "bin" / program).read_text().splitlines()[0]
        assert first == "#!/opt/cry-monitor/bin/python"
    environment = installed / "opt" / "cry-monitor" / "bin" / "python"
    version = subprocess.check_output([environment, "-m", "edge.commands.main", "--version"], cwd="/", text=True)
    assert version.startswith("cry-monitor ")


def test_nothing_is_left_where_it_was_built(installed, source):
    assert not (source / "build").exists()
    assert not list(source.glob("*.egg-info"))


def test_uninstalling_keeps_events_and_configuration(make, nearly_installed):
    status, printed = make("uninstall", DESTDIR=nearly_installed)
    assert status == 0, printed
    assert "events are still in /var/lib/private/cry-monitor" in printed
    assert files(nearly_installed) == {
        "etc/cry-monitor/cry-monitor.toml",
        "etc/systemd/system/cry-monitor.service.d/override.conf",
        "opt/other/program",
        "var/lib/private/cry-monitor/events.db",
        "var/lib/private/cry-monitor-cot/events.db",
        "var/lib/cry-monitor",
    }


def test_uninstalling_removes_the_events_when_told(make, nearly_installed):
    status, _ = make("uninstall", DESTDIR=nearly_installed, EVENTS="remove")
    assert status == 0
    assert files(nearly_installed) == {"etc/systemd/system/cry-monitor.service.d/override.conf", "opt/other/program"}


def test_it_asks_back_when_it_is_told_something_else(make, nearly_installed):
    before = files(nearly_installed)
    status, printed = make("uninstall", DESTDIR=nearly_installed, EVENTS="delete")
    assert status != 0
    assert "EVENTS=delete: use keep or remove" in printed
    assert files(nearly_installed) == before
