"""What a process of its own sends is heard in whole hops; that it fails, ends or says nothing is told apart."""

import json
import queue

import numpy as np
import pytest

from edge.audio.captured import CapturedSource, MicrophoneLost, MicrophoneStalled
from edge.capture.messages import ENDED, FAILED, OPENED, SAMPLES, Block, pack_block
from edge.errors import UserError
from edge.frames import FRAME_HOP

SHORT_S = 0.02
END = None  # of the process


class Capture:
    """A process that sends what a test puts into it."""

    def __init__(self, *messages):
        self._messages = queue.Queue()
        self.did = []
        for message in messages:
            self.send(message)

    def send(self, message):
        self._messages.put(message)

    def messages(self):
        return iter(self._messages.get, END)

    def kill(self):
        self.did.append("kill")
        self.send(END)

    def close_pipe(self):
        self.did.append("close pipe")


class Cot(CapturedSource):
    OPEN_S = 20.0
    FIRST_HOP_S = 20.0
    STALL_S = 20.0
    KIND = "cot"
    CHECK = "look into it"
    HANGS = "its door is shut"


class HastyCot(Cot):
    FIRST_HOP_S = STALL_S = SHORT_S


def opened(channels=1, rate_hz=16000):
    return OPENED, json.dumps({"name": "cot 3", "rate_hz": rate_hz, "channels": channels}).encode()


def sent(samples, captured_s=7.0, overflowed=False):
    return SAMPLES, pack_block(Block(captured_s, overflowed, np.asarray(samples, np.float32).tobytes()))


RAMP = np.linspace(-0.5, 0.5, 30 * FRAME_HOP, dtype=np.float32)


def test_an_open_one_says_what_it_is_and_is_heard_hop_by_hop():
    capture = Capture(opened())
    with Cot(capture, "c") as source:
        assert (source.name, source.native_rate_hz, source.channels) == ("cot 3", 16000, 1)
        assert source.remarks() == []
        for part in np.split(RAMP[: 3 * FRAME_HOP], 6):
            capture.send(sent(part))
        blocks = source.blocks()
        np.testing.assert_array_equal(np.concatenate([next(blocks) for _ in range(3)]), RAMP[: 3 * FRAME_HOP])
        assert (source.arrived_frames, source.skipped_frames, source.dropped_samples) == (3, 0, 0)
    assert capture.did == ["kill", "close pipe"]
    source.close()
    assert capture.did == ["kill", "close pipe"]


def test_of_two_channels_one_is_heard():
    stereo = np.stack((RAMP[:FRAME_HOP], -RAMP[:FRAME_HOP] / 3), axis=1)
    with Cot(Capture(opened(channels=2), sent(stereo)), "c") as source:
        np.testing.assert_array_equal(next(source.blocks()), stereo[:, 0])


def test_losses_that_the_sound_system_reports_are_counted_with_or_without_samples():
    capture = Capture(opened(), sent([], overflowed=True), sent(RAMP[:FRAME_HOP]))
    capture.send(sent(RAMP[:FRAME_HOP], overflowed=True))
    with Cot(capture, "c") as source:
        blocks = source.blocks()
        next(blocks), next(blocks)
        assert source.overflows == 2


def test_hops_that_nobody_took_in_time_are_counted_in_samples_before_the_next():
    with Cot(Capture(opened(), sent(RAMP[: 21 * FRAME_HOP])), "c") as source:
        blocks = source.blocks()
        np.testing.assert_array_equal(next(blocks), RAMP[16 * FRAME_HOP : 17 * FRAME_HOP])
        assert source.dropped_samples == 16 * FRAME_HOP
        assert (source.arrived_frames, source.skipped_frames) == (21, 16)
        next(blocks)
        assert source.dropped_samples == 16 * FRAME_HOP
    assert (source.arrived_frames, source.skipped_frames) == (21, 19)  # three were waiting when it was closed


def test_it_is_known_how_old_the_newest_sample_is(monkeypatch):
    with Cot(Capture(opened(), sent(RAMP[:FRAME_HOP], captured_s=100.0)), "c") as source:
        next(source.blocks())
        monkeypatch.setattr("edge.audio.captured.time.monotonic", lambda: 103.5)
        assert source.waited_s == 3.5


def refused(source_type, capture):
    with pytest.raises(UserError) as error:
        source_type(capture, "c")
    assert capture.did == ["kill", "close pipe"]
    return str(error.value)


def test_why_it_does_not_open_is_told_as_it_was_said():
    assert refused(Cot, Capture((FAILED, "kein Bett \u2013 wirklich".encode()), END)) == "kein Bett \u2013 wirklich"


@pytest.mark.parametrize("messages", [[END], [(FAILED, b""), END]])
def test_a_process_that_ends_before_it_is_open_says_at_least_that(messages):
    assert refused(Cot, Capture(*messages)) == "the process that reads it ended without a word"


def test_a_rate_that_cannot_be_resampled_is_why_it_does_not_open():
    assert "sample rate 1000 Hz is outside" in str(refused(Cot, Capture(opened(rate_hz=1000))))


def test_one_that_does_not_open_in_time_is_not_waited_for():
    class Slow(Cot):
        OPEN_S = SHORT_S

    assert refused(Slow, Capture()) == "cot 'c' does not open within 0.02 s: its door is shut"


@pytest.mark.parametrize(
    "last, told",
    [
        ((ENDED, b"was carried out"), "was carried out"),
        (END, "is not read any more: the process that read it ended without a word"),
    ],
)
def test_one_that_ends_is_lost_after_what_it_sent_and_says_why(last, told):
    capture = Capture(opened(), sent(RAMP[: FRAME_HOP * 3 // 2]), last, END)
    with Cot(capture, "c") as source:
        blocks = source.blocks()
        assert len(next(blocks)) == FRAME_HOP
        with pytest.raises(MicrophoneLost, match="^cot 'cot 3' {}$".format(told)) as error:
            next(blocks)
        assert not isinstance(error.value, MicrophoneStalled)


def test_one_that_sends_nothing_has_stalled():
    with HastyCot(Capture(opened()), "c") as source:
        told = r"^cot 'cot 3' sends nothing, for \d+\.\d s now: look into it$"
        with pytest.raises(MicrophoneStalled, match=told):
            next(source.blocks())


def test_the_first_hop_is_waited_for_longer_than_the_others():
    class Slow(Cot):
        STALL_S = SHORT_S

    with Slow(Capture(opened(), sent(RAMP[:FRAME_HOP])), "c") as source:
        asked = []
        take = source._hops.take
        source._hops.take = lambda patience_s: asked.append(patience_s) or take(patience_s)
        blocks = source.blocks()
        next(blocks)
        with pytest.raises(MicrophoneStalled):
            next(blocks)
    assert asked[0] == 20.0 and set(asked[1:]) == {SHORT_S}  # once more where the machine stood still


def test_a_process_that_stood_still_itself_waits_once_more(monkeypatch):
    """As after a suspend: the time that went by says nothing of the microphone."""
    capture = Capture(opened())
    with HastyCot(capture, "c") as source:
        now_s = [100.0]
        monkeypatch.setattr("edge.audio.captured.time.monotonic", lambda: now_s[0])
        waits = iter([SHORT_S + 0.51, SHORT_S + 0.49])  # seconds that each wait took

        def take(patience_s):
            now_s[0] += next(waits)

        monkeypatch.setattr(source._hops, "take", take)
        with pytest.raises(MicrophoneStalled):
            next(source.blocks())
        assert list(waits) == []


def test_one_that_is_stopped_ends_and_is_neither_lost_nor_stalled():
    with Cot(Capture(opened(), sent(RAMP[: 2 * FRAME_HOP]), (ENDED, b"was carried out")), "c") as source:
        blocks = source.blocks()
        next(blocks)
        assert source.stop() is True
        assert list(blocks) == []
    assert source.arrived_frames == 2 and source.skipped_frames == 1


def test_one_that_is_closed_while_somebody_waits_for_it_ends():
    source = Cot(Capture(opened()), "c")
    take = source._hops.take

    def close_and_take(patience_s):
        source.close()
        return take(patience_s)

    source._hops.take = close_and_take
    assert list(source.blocks()) == []
