"""What the episode rules promise: when an alert is raised, what becomes an event and where it begins and ends."""

import random

import pytest

from edge.decision.episodes import ONSET_S, EpisodeRules, EpisodeTracker
from edge.records import Alert, Event

HOP_S, FRAME_S = 0.2, 1.0


def run(probabilities, **rules):
    """Records of a stream of frame probabilities; the first frame ends at 1 s."""
    settings = {
        "open_threshold": 0.6,
        "close_threshold": 0.4,
        "min_event_s": 1.0,
        "merge_gap_s": 5.0,
        "smoothing_frames": 1,
    }
    settings.update(rules)
    tracker = EpisodeTracker(EpisodeRules(**settings), HOP_S, FRAME_S)
    records = []
    for number, probability in enumerate(probabilities):
        records += tracker.update(FRAME_S + number * HOP_S, probability)
    return records + tracker.finish()


def events(probabilities, **rules):
    return [record for record in run(probabilities, **rules) if isinstance(record, Event)]


def test_nothing_comes_of_low_probabilities():
    assert run([0.59] * 100) == []


def test_the_alert_comes_when_the_episode_opens_and_the_event_when_it_is_over():
    records = run([0.0] * 10 + [0.9] * 20 + [0.0] * 50)
    assert [type(record) for record in records] == [Alert, Event]
    assert records[0].t_s == pytest.approx(FRAME_S + 10 * HOP_S)


def test_an_event_starts_where_the_cry_begins_not_where_the_window_ends():
    (event,) = events([0.0] * 10 + [0.9] * 20 + [0.0] * 50)
    first_high_s = FRAME_S + 10 * HOP_S
    last_high_s = FRAME_S + 29 * HOP_S
    assert event.start_s == pytest.approx(first_high_s - ONSET_S)
    assert event.end_s == pytest.approx(last_high_s - (FRAME_S - ONSET_S))


def test_smoothing_delays_the_alert_but_not_the_start():
    smooth = run([0.0] * 10 + [0.9] * 20 + [0.0] * 50, smoothing_frames=3)
    plain = run([0.0] * 10 + [0.9] * 20 + [0.0] * 50)
    assert smooth[0].t_s > plain[0].t_s
    assert smooth[1].start_s == plain[1].start_s


def test_a_breath_between_two_bursts_does_not_move_the_start():
    (event,) = events([0.0] * 10 + [0.5] * 10 + [0.0] * 4 + [0.9] * 20 + [0.0] * 50)
    assert event.start_s == pytest.approx(FRAME_S + 10 * HOP_S - ONSET_S)


def test_an_event_that_begins_with_the_first_frame_counts():
    (event,) = events([0.9] * 20 + [0.0] * 50)
    assert event.start_s == 0.0


def test_what_lies_before_the_stream_counts_as_quiet():
    assert run([0.9], smoothing_frames=3) == []


def test_an_episode_open_at_the_end_of_the_source_is_an_event():
    assert len(events([0.0] * 10 + [0.9] * 20)) == 1


def test_between_the_thresholds_an_open_episode_stays_open():
    (event,) = events([0.9] * 10 + [0.5] * 100 + [0.0] * 50)
    assert event.end_s > FRAME_S + 100 * HOP_S


@pytest.mark.parametrize("gap_s, expected", [(4.0, 1), (6.0, 2)])
def test_gaps_shorter_than_merge_gap_are_one_event(gap_s, expected):
    gap = [0.0] * int(round(gap_s / HOP_S))
    assert len(events([0.9] * 10 + gap + [0.9] * 10)) == expected


def test_what_is_shorter_than_min_event_is_a_brief_event_for_it_was_told():
    records = run([0.0] * 10 + [0.9] * 3 + [0.0] * 50, min_event_s=2.0)
    assert [type(record) for record in records] == [Alert, Event]
    assert records[1].brief and records[1].end_s - records[1].start_s < 2.0
    (event,) = events([0.0] * 10 + [0.9] * 30 + [0.0] * 50, min_event_s=2.0)
    assert not event.brief


@pytest.mark.parametrize("min_event_s", [0.0, 1.0, 60.0])
def test_every_alert_has_its_event(min_event_s):
    rng = random.Random(7)
    for _ in range(30):
        probabilities = [rng.random() ** 2 for _ in range(600)]
        records = run(probabilities, min_event_s=min_event_s, merge_gap_s=0.4, smoothing_frames=rng.choice((1, 3)))
        assert [type(record) for record in records] == [Alert, Event] * (len(records) // 2)
        assert len(records) > 2


def test_an_opening_when_nothing_recent_was_high_begins_right_before_it():
    """Smoothing over longer than what is remembered: the mean rises on by frames that are none."""
    probabilities = [0.99] * 17 + [0.35] * 8
    rules = {"open_threshold": 0.755, "smoothing_frames": 25, "lasting_frames": 5, "lasting_threshold": 1.0}
    alert, event = run(probabilities + [0.0] * 60, **rules)
    assert alert.t_s == pytest.approx(FRAME_S + 22 * HOP_S)  # (17 * 0.99 + 6 * 0.35) / 25 = 0.757
    assert event.start_s == pytest.approx(alert.t_s - ONSET_S)


def test_probability_is_the_largest_smoothed_value():
    (event,) = events([0.0] * 5 + [0.6, 0.9, 1.0, 0.8] * 3 + [0.0] * 50, smoothing_frames=3)
    assert event.cry_probability == pytest.approx(0.9)


def test_a_single_spike_is_smoothed_away():
    assert run([0.0] * 10 + [1.0] + [0.0] * 10, smoothing_frames=3) == []


LASTING = {"open_threshold": 0.95, "close_threshold": 0.4, "lasting_threshold": 0.5, "lasting_frames": 20}


def test_a_less_sure_cry_opens_an_episode_once_it_has_lasted():
    records = run([0.0] * 30 + [0.7] * 30 + [0.0] * 50, **LASTING)
    assert [type(record) for record in records] == [Alert, Event]
    assert records[0].t_s == pytest.approx(FRAME_S + (30 + 14) * HOP_S)  # 15 of 20 frames at 0.7 are 0.5 on average


def test_its_event_starts_with_the_first_of_the_sounds_that_made_it_last():
    bursts = ([0.8] * 5 + [0.0] * 2) * 3
    (event,) = events([0.0] * 30 + bursts + [0.0] * 50, **LASTING)
    assert event.start_s == pytest.approx(FRAME_S + 30 * HOP_S - ONSET_S)


def test_a_less_sure_sound_that_does_not_last_opens_nothing():
    assert run([0.0] * 30 + [0.9] * 10 + [0.0] * 50, **LASTING) == []


def test_what_has_lasted_does_not_open_a_second_event_in_the_quiet_after_it():
    assert len(events([0.0] * 30 + [1.0] * 40 + [0.39] * 60, merge_gap_s=1.0, **LASTING)) == 1


@pytest.mark.parametrize("smoothing_frames", [1, 3, 25])
def test_any_smoothing_goes_with_any_lasting_time(smoothing_frames):
    probabilities = [0.9, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.9] * 20
    rules = dict(LASTING, smoothing_frames=smoothing_frames, lasting_frames=5)
    assert run(probabilities, **rules) == []  # no five frames in a row are 0.5 on average
    records = run([0.0] * 30 + [0.8] * 40 + [0.0] * 60, **rules)
    assert [type(record) for record in records] == [Alert, Event]
    # Four of five at 0.8 are; the smoothed value is at 0.4 then too, or an episode would close as it opens.
    assert records[0].t_s == pytest.approx(FRAME_S + (30 + max(4, (smoothing_frames + 1) // 2) - 1) * HOP_S)


@pytest.mark.parametrize("smoothing_frames", [1, 3])
def test_the_open_event_is_what_would_come_if_the_source_ended_now(smoothing_frames):
    probabilities = [0.0] * 10 + [0.9] * 4 + [0.5] * 9 + [0.0] * 20 + [0.9] * 15 + [0.0] * 40 + [0.9] * 2
    rules = EpisodeRules(0.6, 0.4, min_event_s=2.0, smoothing_frames=smoothing_frames)
    tracker = EpisodeTracker(rules, HOP_S, FRAME_S)
    ended = []
    for number, probability in enumerate(probabilities):
        ended += [
            record for record in tracker.update(FRAME_S + number * HOP_S, probability) if isinstance(record, Event)
        ]
        expected = events(probabilities[: number + 1], min_event_s=2.0, smoothing_frames=smoothing_frames)
        now = tracker.open_event()
        assert ended + ([now] if now else []) == expected


def test_an_open_event_only_grows():
    tracker = EpisodeTracker(EpisodeRules(0.6, 0.4, smoothing_frames=3), HOP_S, FRAME_S)
    lengths_s = [0.0]
    for number in range(200):
        tracker.update(FRAME_S + number * HOP_S, 0.9 if number % 7 else 0.1)
        event = tracker.open_event()
        lengths_s.append(event.end_s - event.start_s if event else lengths_s[-1])
    assert lengths_s == sorted(lengths_s)
    assert lengths_s[-1] > 35


@pytest.mark.parametrize("merge_gap_s", [0.0, 0.2, 5.0])
def test_a_cry_without_gaps_is_one_event_however_short_the_merge_gap(merge_gap_s):
    assert len(events([0.0] * 30 + [1.0] * 400 + [0.0] * 60, merge_gap_s=merge_gap_s)) == 1


@pytest.mark.parametrize("smoothing_frames", [1, 2, 3, 5])
def test_smoothing_moves_the_end_no_more_than_the_start(smoothing_frames):
    """The mean falls below the close threshold later by half of what it is taken over: that is taken back."""
    n_quiet = 60
    (event,) = events([0.0] * 10 + [1.0] * 20 + [0.0] * n_quiet, smoothing_frames=smoothing_frames)
    # The mean of n frames is at 0.4 as long as 0.4 n of them are loud.
    last_loud = 29 + smoothing_frames - -(-2 * smoothing_frames // 5)
    lag_s = (smoothing_frames - 1) * HOP_S / 2
    assert event.end_s == pytest.approx(FRAME_S + last_loud * HOP_S - lag_s - (FRAME_S - ONSET_S))


def test_without_rules_of_their_own_episodes_are_as_the_configuration_s():
    rules = EpisodeRules(0.6, 0.4)
    assert (rules.min_event_s, rules.merge_gap_s, rules.smoothing_frames) == (1.0, 5.0, 3)
    assert (rules.lasting_threshold, rules.lasting_frames) == (1.0, 40)


@pytest.mark.parametrize("gap_frames, n_events", [(5, 1), (6, 2)])
def test_a_gap_of_exactly_merge_gap_is_none(gap_frames, n_events):
    """1 s: five hops of silence lie between frames whose ends are 1.2 s apart; the next loud one is within 1.1 s."""
    found = events([0.9] * 10 + [0.0] * (gap_frames - 1) + [0.9] * 10 + [0.0] * 30, merge_gap_s=1.0)
    assert len(found) == n_events


@pytest.mark.parametrize("n_frames, is_brief", [(8, True), (9, False)])
def test_brief_is_less_than_min_event(n_frames, is_brief):
    """From half a second before the first frame's end to half a second before the last one's: hops between them."""
    (event,) = events([0.0] * 10 + [0.9] * n_frames + [0.0] * 50, min_event_s=1.5)
    assert event.brief == is_brief == (event.end_s - event.start_s < 1.5)


def test_other_rules_hold_from_the_next_frame_on():
    tracker = EpisodeTracker(EpisodeRules(0.9, 0.4, smoothing_frames=1), HOP_S, FRAME_S)
    assert tracker.update(1.0, 0.8) == [] and tracker.start_s is None
    tracker.change_rules(EpisodeRules(0.7, 0.4, smoothing_frames=1))
    (alert,) = tracker.update(1.2, 0.8)
    assert (alert.t_s, alert.cry_probability) == (1.2, 0.8) and tracker.is_open


def test_a_threshold_is_reached_by_what_equals_it():
    assert isinstance(run([0.0, 0.75], open_threshold=0.75)[0], Alert)
    (event,) = events([0.0] * 10 + [0.75] * 5 + [0.5] * 20 + [0.0] * 40, open_threshold=0.75, close_threshold=0.5)
    assert event.end_s == pytest.approx(FRAME_S + 34 * HOP_S - (FRAME_S - ONSET_S))
