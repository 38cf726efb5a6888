"""`cry-monitor run` on a disk that is full or read-only: it hears, tells and says so."""

import json
import os

import numpy as np
import pytest
from daemon_process import stop, wait_for
from loud_bundle import noise_burst
from small_disk import small_disk  # noqa: F401

from edge.store import Store


def pcm(samples):
    """Samples as the PCM that standard input takes."""
    return np.round(32767 * samples).astype("<i2").tobytes()


@pytest.fixture
def listen(run, loud_bundle, burst_wav):
    """listen(database) -> the daemon over the burst, which it tells of, whatever the disk does."""

    def listen(path):
        finished = run(
            "run", "--bundle", loud_bundle, "--db", path, "--source", "file:" + burst_wav, "--fast", "--json"
        )
        assert finished.status == 0
        assert [fields["type"] for fields in finished.objects()] == ["alert", "event"]
        assert finished.err.index("still listening, events wait in memory") < finished.err.index("READY")
        assert finished.err.count("still listening") == 1
        assert "lost, as the database could not be written: an event of " in finished.err
        return finished

    return listen


def test_on_a_full_disk(listen, small_disk):  # noqa: F811
    small_disk.fill()
    listen(os.path.join(small_disk.path, "events.db"))


def test_in_a_read_only_state_directory(listen, small_disk):  # noqa: F811
    small_disk.remount("ro")
    listen(os.path.join(small_disk.path, "state", "events.db"))


def test_a_disk_that_is_emptied_gets_what_waited(start, small_disk, loud_bundle):  # noqa: F811
    path = os.path.join(small_disk.path, "events.db")
    small_disk.fill()
    process = start("run", "--bundle", loud_bundle, "--db", path, "--source", "-", "--json")
    process.stdin.buffer.write(pcm(noise_burst(4, 3, 8)))
    process.stdin.flush()
    assert [json.loads(process.stdout.readline())["type"] for _ in range(2)] == ["alert", "event"]
    small_disk.empty()
    process.stdin.buffer.write(pcm(noise_burst(8, 0, 0)))
    process.stdin.flush()
    wait_for(process, "the database can be written again; 0 events and 0 minutes were lost")
    assert stop(process)[0] == 0
    with Store(path, read_only=True) as store:
        assert [event.state for event in store.events()] == ["ended"]
        assert [row.state for row in store.health()][:2] == ["not_writing", "started"]


@pytest.mark.once
@pytest.mark.parametrize("content", [bytes(4096), b"a letter to the baby\n" * 40])
def test_over_what_is_no_database(run, loud_bundle, burst_wav, tmp_path, content):
    path = tmp_path / "events.db"
    path.write_bytes(content)
    arguments = ("run", "--bundle", loud_bundle, "--db", path, "--source", "file:" + burst_wav, "--fast", "--json")
    for number in (1, 2):  # at the second start, the new one is there
        finished = run(*arguments)
        assert finished.status == 0
        assert [fields["type"] for fields in finished.objects()] == ["alert", "event"]
        assert finished.err.count("and a new one is begun") == (number == 1)
        with Store(str(path), read_only=True) as store:
            assert len(store.events()) == number
    (aside,) = [each for each in tmp_path.iterdir() if ".set-aside-damaged-" in each.name]
    assert aside.read_bytes() == content
    looked = run("doctor", "--bundle", loud_bundle, "--db", path, "--source", "file:" + burst_wav)
    assert "set aside: {}".format(aside) in looked.out


@pytest.mark.once
def test_the_second_of_two_daemons_refuses_and_names_the_first(start, run, loud_bundle, burst_wav, tmp_path):
    arguments = ("run", "--bundle", loud_bundle, "--db", tmp_path / "events.db")
    first = start(*(arguments + ("--source", "-")))
    wait_for(first, "READY")
    second = run(*(arguments + ("--source", "file:" + burst_wav, "--fast")))
    assert (second.status, second.out) == (1, "")
    assert "is being written by another cry-monitor (process {})".format(first.pid) in second.err
    assert stop(first)[0] == 0
    assert run(*(arguments + ("--source", "file:" + burst_wav, "--fast"))).status == 0
