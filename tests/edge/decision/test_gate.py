"""The gate promises: a quiet room costs nothing, and no cry is missed because the microphone is quiet."""

from edge.decision.gate import FIRST_HISTORY_S, LevelGate

HOP_S = 0.2


def make_gate():
    return LevelGate(margin_db=3.0, lowest_dbfs=-70.0, hop_s=HOP_S, frame_hops=5)


def feed(gate, level_dbfs, seconds):
    """The last answer after `seconds` at one level."""
    for _ in range(int(seconds / HOP_S)):
        is_open = gate.update(level_dbfs)
    return is_open


def test_a_steady_room_closes_the_gate():
    assert not feed(make_gate(), -40.0, 60.0)


def test_digital_silence_is_never_listened_to():
    assert not make_gate().update(-120.0)


def test_everything_is_heard_before_the_room_is_known():
    assert feed(make_gate(), -40.0, FIRST_HISTORY_S - 2 * HOP_S)


def test_the_floor_follows_a_microphone_40_db_too_quiet():
    gate = make_gate()
    feed(gate, -68.0, 60.0)
    assert gate.update(-50.0)


def test_a_sound_louder_than_the_room_opens_it_for_a_whole_frame():
    gate = make_gate()
    feed(gate, -60.0, 60.0)
    assert gate.update(-40.0)
    assert [gate.update(-60.0) for _ in range(5)] == [True, True, True, True, False]


def test_a_cry_with_pauses_stays_heard_for_minutes():
    gate = make_gate()
    feed(gate, -60.0, 60.0)
    answers = []
    for _ in range(120):
        answers += [gate.update(-30.0) for _ in range(5)] + [gate.update(-55.0) for _ in range(2)]
    assert all(answers)
