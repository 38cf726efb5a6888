"""The bundle that ships, the daemon and a microphone: a baby's cry is written down, a sentence is not."""

import shutil
import subprocess
import time
import wave

import numpy as np
import pytest
from daemon_process import on_virtual_microphone, stop, wait_for

from edge.frames import SAMPLE_RATE
from edge.store import Store
from edge.synthesis import infant_cry
from edge.synthesis.signals import dbfs, to_level

QUIET_S = 1.5  # before the cry: one that sounds within the first frame is said to begin with the stream
CRY_S = 8.0
CRY_DBFS = -25.0
SENTENCE_SHORTEST_S = 8.0
HEARD_DBFS = -40.0  # a minute whose loudest frame is below did not hear what was played
SENTENCE = (
    "The baby is asleep at last, and the house is quiet. Please close the door softly, put the kettle on, and tell "
    "me how the rest of your day went, because I have not spoken to anybody since this morning."
)


@pytest.fixture
def listen_while(start, virtual_microphone, loud_bundle, tmp_path):
    """listen_while(samples, rate_hz) -> (when they had sounded in UTC, log, Store) of a daemon that heard them.

    `loud_bundle` is not heard: it skips the test where there is no engine.
    """
    path = str(tmp_path / "night.db")

    def listen_while(samples, rate_hz):
        process = start("run", "--db", path, **on_virtual_microphone(virtual_microphone))
        wait_for(process, "hearing")
        virtual_microphone.play(samples, rate_hz)
        played_utc = time.time()
        status, _, log, _ = stop(process)
        assert status == 0
        return played_utc, log, Store(path, read_only=True)

    return listen_while


@pytest.fixture
def sentence(tmp_path):
    """(samples, rate_hz) of a spoken sentence."""
    if shutil.which("espeak-ng") is None:
        pytest.skip("no spoken sentence: espeak-ng is not installed")
    path = str(tmp_path / "sentence.wav")
    subprocess.check_call(["espeak-ng", "-w", path, SENTENCE])
    with wave.open(path) as file:
        rate_hz = file.getframerate()
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2") / 32768.0
    assert len(samples) / rate_hz >= SENTENCE_SHORTEST_S
    assert dbfs(samples) > CRY_DBFS
    return samples, rate_hz


@pytest.mark.once
def test_a_cry_is_one_event_that_begins_when_it_sounded(listen_while):
    cry = to_level(infant_cry(CRY_S, np.random.default_rng(1)).samples, CRY_DBFS)
    quiet = np.zeros(int(QUIET_S * SAMPLE_RATE), np.float32)
    played_utc, log, store = listen_while(np.concatenate([quiet, cry]), SAMPLE_RATE)
    with store:
        (event,) = store.events()
    assert event.start_utc == pytest.approx(played_utc - CRY_S, abs=0.5)
    assert event.end_utc == pytest.approx(played_utc, abs=1.5)
    assert log.count("event: ") == 1


@pytest.mark.once
def test_a_sentence_is_no_event(listen_while, sentence):
    _, log, store = listen_while(*sentence)
    with store:
        assert store.events() == []
        assert max(minute.max_dbfs for minute in store.minutes()) > HEARD_DBFS
    assert "alert" not in log


def faint_cry():
    """12 s of a room with a faint cry from 3 s on, at 48 kHz."""
    cry = to_level(infant_cry(CRY_S, np.random.default_rng(1)).samples, -45.0)
    noise = np.random.RandomState(0).standard_normal(12 * SAMPLE_RATE) * 10 ** (-72.0 / 20)
    noise[3 * SAMPLE_RATE :][: len(cry)] += cry
    return np.repeat(noise, 3)  # as a cheap converter would


TROUBLES = {
    "an offset": (lambda x: np.stack((x + 0.03, x + 0.03), 1), "offset: a constant offset of 0.030"),
    "channels of opposite sign": (lambda x: np.stack((x, -x), 1), "channels: channel 1 of 2 is heard"),
    "a dead channel": (lambda x: np.stack((0 * x, x), 1), "channel 1 is dead"),
    "hum": (
        lambda x: np.stack(2 * [x + 0.1 * np.sin(2 * np.pi * 50 * np.arange(len(x)) / 48000)], 1),
        "hum: hum at 50 Hz, -23 dBFS",
    ),
}


@pytest.mark.once
@pytest.mark.parametrize("trouble", sorted(TROUBLES))
def test_a_cry_is_heard_through_a_bad_microphone_and_what_is_bad_is_said(start, virtual_microphone, trouble, tmp_path):
    made, said = TROUBLES[trouble]
    path = str(tmp_path / "night.db")
    process = start("run", "--source", "mic:STEREO", "--db", path, **on_virtual_microphone(virtual_microphone))
    wait_for(process, "hearing")
    virtual_microphone.play(made(faint_cry()), 48000, "stereo48")
    status, _, log, _ = stop(process)
    assert status == 0, log
    assert log.count("event: ") == 1, log
    assert said in log, log
