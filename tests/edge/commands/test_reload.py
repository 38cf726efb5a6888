"""SIGHUP: the configuration is read again, or refused in one line, and the monitor hears on."""

import signal
import time

import pytest
from daemon_process import stop, wait_for
from loud_bundle import noise_burst
from supervised import send, wait_until_told

from edge.store import Store


def test_sighup_rereads_the_configuration_or_says_why_not(listening, systemd, watched, path, tmp_path):
    config = tmp_path / "cry-monitor.toml"
    config.write_text("")
    process = listening("--config", str(config), **watched)
    send(process, noise_burst(4, 3, 7))
    wait_for(process, "event:")

    def hang_up(text):
        config.write_text(text)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        send(process, noise_burst(0.2, 0, 0))
        answer = wait_for(process, "configuration")
        wait_until_told(systemd, "RELOADING=1\nMONOTONIC_USEC=")
        wait_until_told(systemd, "READY=1")
        return answer

    assert "configuration read: new" in hang_up("[decision]\nmin_event_s = 10\n")
    assert "configuration read: nothing has changed" in hang_up("[decision]\nmin_event_s = 10.0\n")
    refused = hang_up("[decision]\nmin_evnt_s = 1\n")
    assert "unknown key decision.min_evnt_s; did you mean min_event_s?; the old one stays" in refused
    assert "[store] has changed, and is read at the start only: restart" in hang_up("[store]\nkeep_days = 1\n")
    assert "nested deeper than 64 levels; " in hang_up("a = " + "[" * 3000)
    assert "a whole number of 1329 bits is too large; " in hang_up("[gate]\nmargin_db = 1" + "0" * 400)
    send(process, noise_burst(4, 3, 7))  # shorter than the new min_event_s
    assert ", brief" in wait_for(process, "event:")
    send(process, noise_burst(0, 11, 7))
    assert "cried for 1" in wait_for(process, "event:")
    assert stop(process)[0] == 0
    with Store(path, read_only=True) as store:
        assert len(store.events()) == 3
        states = [row.state for row in store.health()]
    assert (states.count("configuration refused"), states.count("configuration read")) == (4, 2)


@pytest.mark.once
def test_sighup_without_a_configuration_file_is_refused(listening):
    process = listening()
    process.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    send(process, noise_burst(0.2, 0, 0))
    assert "no configuration file was given" in wait_for(process, "configuration refused")


@pytest.mark.once
def test_whatever_reading_the_configuration_raises_is_refused_in_one_line(sleeper):
    send(sleeper, noise_burst(1, 0, 0))
    wait_for(sleeper, "healthy")
    sleeper.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    send(sleeper, noise_burst(1, 0, 0))
    assert "RecursionError: maximum recursion depth exceeded); the old one stays" in wait_for(sleeper, "refused")
    assert stop(sleeper)[0] == 0


UNREADABLE = {
    "nested": "a=" + "[" * 3000,
    "an integer of 400 digits": "[gate]\nmargin_db = 1" + "0" * 400,
    "a NUL": "\ufeff[gate]\nmargin_db = 3\x00",
    "nan": "[gate]\nmargin_db = nan",
    "another type": "[store]\npath = 7",
    "no TOML": "x" * 100000,
}


@pytest.mark.once
def test_no_configuration_ends_the_monitor_that_reads_it_again(listening, path, tmp_path):
    config = tmp_path / "cry-monitor.toml"
    config.write_text("")
    process = listening("--config", str(config))
    for name, text in UNREADABLE.items():
        config.write_text(text, encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        time.sleep(0.2)
        send(process, noise_burst(4, 3, 7))
        refused = wait_for(process, "configuration refused")
        assert refused.rstrip().endswith("the old one stays") and len(refused) < 1000, name
        wait_for(process, "event:")
    assert stop(process)[0] == 0
