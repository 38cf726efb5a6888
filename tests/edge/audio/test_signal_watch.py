"""What no room sounds like is said, once, and not again for an hour."""

import numpy as np
import pytest

from edge.audio.signal_watch import CLIPPING, FORMAT, HUM, OFFSET, SILENT, SOUNDING, TOO_LOUD, SignalWatch
from edge.audio.source import Source
from edge.synthesis import infant_cry

RATE = 16000


@pytest.fixture
def watch():
    return SignalWatch()


def hear(watch, second, seconds):
    """What was noticed while one second of audio was heard so many times: (when, what)."""
    noticed = [(number, watch.push(second)) for number in range(1, seconds + 1)]
    return [(number, notice[0]) for number, notice in noticed if notice]


def noise(level=0.01):
    return (level * np.random.RandomState(0).standard_normal(RATE)).astype(np.float32)


ZEROS = np.zeros(RATE, np.float32)


def test_a_room_is_nothing_to_speak_of(watch):
    assert hear(watch, noise(), 200) == []


def test_the_quietest_hiss_is_no_silence(watch):
    second = ZEROS.copy()
    second[::1000] = 1 / 32768
    assert hear(watch, second, 200) == []


def test_digital_silence_is_said_after_half_a_minute_and_once(watch):
    assert hear(watch, ZEROS, 29) == []
    assert hear(watch, ZEROS, 200) == [(1, SILENT)]


def test_its_end_is_said_too(watch):
    hear(watch, ZEROS, 40)
    assert watch.push(noise()) == (SOUNDING, "after 40 s of digital silence")
    assert hear(watch, noise(), 10) == []


def test_a_microphone_that_goes_silent_all_the_time_is_said_once_an_hour(watch):
    said = [what for _ in range(60) for second in (ZEROS, noise()) for _, what in hear(watch, second, 60)]
    assert said == [SILENT, SOUNDING] * 2


def test_clipping_is_said(watch):
    loud = np.clip(noise(1.0), -1, 1)
    assert hear(watch, loud, 9) == []
    noticed = watch.push(loud)
    assert noticed[0] == CLIPPING
    assert "31% of the last 10 s is cut off at full scale" in noticed[1]
    assert hear(watch, loud, 1000) == []


def test_a_peak_now_and_then_is_no_clipping(watch):
    second = noise()
    second[:100] = 1.0
    assert hear(watch, second, 200) == []


def test_clipping_is_a_hundredth_of_a_window_and_no_less():
    for share, said in ((0.0099, []), (0.0101, [(10, CLIPPING)])):
        second = noise()
        second[: int(share * RATE)] = 1.0
        second[: int(share * RATE) // 2] = -1.0
        assert hear(SignalWatch(), second, 12) == said


def test_sound_that_is_cut_off_on_one_side_below_full_scale_is_said(watch):
    noticed = [watch.push(np.minimum(noise(0.4), 0.5)) for _ in range(10)]
    what, text = noticed[-1]
    assert what == CLIPPING and "cut off at 0.50, on one side" in text


def test_a_value_that_never_changes_is_silence_too(watch):
    said = [watch.push(np.full(RATE, 0.25, np.float32)) for _ in range(30)][-1]
    assert said == (SILENT, "every sample is 0.25 for 30 s: the microphone sends no sound; is it connected?")


def test_silence_in_blocks_of_any_size(watch):
    said = [watch.push(ZEROS[:777]) for _ in range(1000)]
    assert [notice[0] for notice in said if notice] == [SILENT]


@pytest.mark.parametrize("offset, said", [(0.03, "0.030 (-30 dBFS)"), (-0.2, "-0.200 (-14 dBFS)"), (0.004, "0.004")])
@pytest.mark.parametrize("block", [800, 3200, 16000, 16001])
def test_an_offset_is_said_with_its_size_and_what_to_do(offset, said, block):
    samples = np.concatenate([noise(0.003)] * 12) + np.float32(offset)
    notices = [
        SignalWatch.push(watch, samples[at : at + block])
        for watch in [SignalWatch()]
        for at in range(0, len(samples), block)
    ]
    ((what, text),) = [notice for notice in notices if notice]
    assert what == OFFSET and said in text and "high-pass filter" in text


def tone(frequency_hz, level_dbfs, seconds=12):
    t_s = np.arange(seconds * RATE) / RATE
    return 10 ** (level_dbfs / 20) * np.sqrt(2) * np.sin(2 * np.pi * frequency_hz * t_s + 0.3)


def notices_of(samples):
    """What was said of samples that came in hops, in order."""
    watch = SignalWatch()
    said = [watch.push(samples[at : at + 3200].astype(np.float32)) for at in range(0, len(samples), 3200)]
    return [notice for notice in said if notice]


@pytest.mark.parametrize("frequency_hz", [50, 60, 100, 120, 150])
@pytest.mark.parametrize("level_dbfs", [-15, -45])
def test_hum_is_said_with_its_frequency_and_level(frequency_hz, level_dbfs):
    samples = tone(frequency_hz, level_dbfs) + np.resize(noise(0.001), 12 * RATE)
    ((what, text),) = notices_of(samples)
    assert what == HUM and "hum at {} Hz, {} dBFS".format(frequency_hz, level_dbfs) in text and "power supply" in text


def test_a_buzz_of_many_harmonics_is_hum_too():
    ((what, _),) = notices_of(0.05 * np.sign(tone(50, -10)) + np.resize(noise(0.001), 12 * RATE))
    assert what == HUM


@pytest.mark.parametrize(
    "samples",
    [
        tone(50, -62),  # fainter than anybody could mind
        tone(70, -20),
        tone(440, -20),
        np.resize(np.asarray(infant_cry(6, np.random.default_rng(1)).samples) * 0.3, 30 * RATE),
    ],
    ids=["faint hum", "another tone", "a whistle", "cries"],
)
def test_what_is_no_hum_is_not_called_so(samples):
    assert notices_of(samples + np.resize(noise(0.001), len(samples))) == []


def test_more_than_full_scale_is_said():
    ((what, text),) = [n for n in notices_of(tone(440, 15)) if n[0] == TOO_LOUD]
    assert "8.0 times full scale" in text


CRY = np.asarray(infant_cry(12, np.random.default_rng(2)).samples, float) * 0.3
ROOM = np.convolve(0.1 * np.random.RandomState(3).standard_normal(len(CRY)), np.ones(20) / 20, "same")  # as most: dull
WRONG = {
    "stereo as mono, both alike": (np.repeat(CRY, 2), "every sample comes twice"),
    "stereo as mono": (np.stack((CRY, np.roll(CRY[::-1], 99)), 1).reshape(-1), "even and odd samples"),
    "alternating signs": (ROOM * np.resize([1, -1], len(CRY)), "the other sign"),
    "bytes swapped": (np.round(CRY * 32767).astype("<i2").byteswap() / 32768.0, "the bytes of each sample"),
}


@pytest.mark.parametrize("kind", sorted(WRONG))
def test_samples_of_another_format_are_said(kind):
    samples, reason = WRONG[kind]
    texts = [text for what, text in notices_of(samples) if what == FORMAT]
    assert len(texts) == 1 and reason in texts[0] and "--help" in texts[0]


def test_what_the_source_has_noticed_is_said_once_and_an_hour_later_again():
    class Noticing(Source):
        def remarks(self):
            return [("channels", "one is dead"), ("not numbers", "3 samples")]

    watch = SignalWatch(Noticing(), is_live=False)  # of a recording too; and an hour is over sooner
    said = [watch.push(ZEROS) for _ in range(3610)]
    assert said[:3] == [("channels", "one is dead"), ("not numbers", "3 samples"), None]
    assert [notice[0] for notice in said if notice] == ["channels", "not numbers"] * 2


def test_a_block_without_samples_is_nothing(watch):
    assert watch.push(ZEROS[:0]) is None


def test_the_silence_of_a_recording_is_its_own_affair():
    watch = SignalWatch(is_live=False)
    assert hear(watch, ZEROS, 100) == []


def test_cut_off_on_the_lower_side_is_said_with_where():
    watch = SignalWatch()
    noticed = [watch.push(np.maximum(noise(0.4), -0.5)) for _ in range(10)]
    assert "11% of the last 10 s is cut off at -0.50, on one side" in noticed[-1][1]


def swapped(samples):
    """As if their bytes lay the other way round."""
    return (np.round(samples * 32767).astype("<i2").byteswap() / 32768.0).astype(np.float32)


def test_the_loudest_block_of_a_window_is_judged_and_not_the_last():
    watch = SignalWatch()
    loud = swapped(CRY[: RATE // 2])
    said = [watch.push(block) for block in [loud] + [noise(0.001)] * 10]
    assert [what for what, _ in filter(None, said)] == [FORMAT]


@pytest.mark.parametrize("n_samples, is_judged", [(800, True), (799, False)])
def test_a_block_of_less_than_fifty_milliseconds_is_not_judged(n_samples, is_judged):
    watch, samples = SignalWatch(), swapped(CRY[: 11 * RATE])
    said = [watch.push(samples[at : at + n_samples]) for at in range(0, len(samples), n_samples)]
    assert (FORMAT in [what for what, _ in filter(None, said)]) == is_judged
