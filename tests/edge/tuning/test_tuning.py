"""What other thresholds would have come to: exact where the answer is known, silent where there is too little."""

import numpy as np
import pytest
from homes import CAT, DAY_S, EVENING_UTC, FAINT_CRY, MUSIC, SHA, SURE_CRY, make_home
from loud_bundle import loud_bundle, noise_burst  # noqa: F401

from edge.audio import Source
from edge.bundle import load_bundle
from edge.bundle.model import Decision, Thresholds
from edge.config import default_settings
from edge.decision.episodes import EpisodeRules, EpisodeTracker
from edge.decision.rules import episode_rules
from edge.frames import FRAME_HOP_S, FRAME_S
from edge.records import Alert
from edge.runtime.listener import Listener
from edge.runtime.traces import TraceSum
from edge.sinks import Sink
from edge.store import Health, Store
from edge.store.buffered_store import BufferedStore
from edge.tuning.nights import nights_of, noon_after, noon_before
from edge.tuning.picture import picture_of
from edge.tuning.replay import replay
from edge.tuning.trade import LEAST_CRIES, LEAST_NIGHTS, STEPS, best, judged, too_little, trade_of

SETTINGS = default_settings().decision
OWN = Decision(Thresholds(0.88, 0.35, 0.35), {})


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "night.db")


def counted(path):
    with Store(path, read_only=True) as store:
        return nights_of(store, 0.0, SHA)


def test_the_trade_is_what_was_made(path):
    nights = counted(make_home(path))
    assert (len(nights.counted), nights.left_out, nights.unmarked) == (4, [], [])
    strict = judged(nights.counted, Thresholds(0.95, 0.9, 1.0), False, SETTINGS)
    assert (strict.cries, strict.found, strict.false_alarms, strict.unheard_of) == (12, 4, 0, 0)
    middle = judged(nights.counted, Thresholds(0.88, 0.35, 1.0), False, SETTINGS)
    assert (middle.found, middle.false_alarms, middle.unheard_of) == (8, 4, 0)
    assert middle.alarms_a_night == 1.0 and 1.0 < middle.alarms_at_most < 3.0
    easy = judged(nights.counted, Thresholds(0.6, 0.35, 1.0), False, SETTINGS)
    assert (easy.found, easy.false_alarms, easy.unheard_of) == (12, 4, 4)
    assert middle.delays_s[0] == pytest.approx(FRAME_HOP_S, abs=0.01)
    assert middle.delays_s[-1] == pytest.approx(20 * FRAME_HOP_S, abs=0.01)


def test_lasting_thresholds_open_too(path):
    nights = counted(make_home(path, sounds=[(600.0, [0.6] * 200, "cry")]))
    assert judged(nights.counted, Thresholds(0.88, 0.35, 1.0), False, SETTINGS).found == 0
    lasting = judged(nights.counted, Thresholds(0.88, 0.35, 0.3), False, SETTINGS)
    assert lasting.found == 4 and lasting.delay_s(0.5) == pytest.approx(19 * FRAME_HOP_S, abs=0.25)


def test_the_replay_raises_the_alerts_that_were_raised():
    """Probabilities that a byte holds, heard once as they came and once as they were kept."""
    random = np.random.RandomState(1)
    raw = np.round(85 * np.repeat(random.beta(0.3, 0.5, 900), random.randint(1, 30, 900))) / 85
    raw[random.uniform(size=len(raw)) < 0.3] = 0.0
    rules = EpisodeRules(0.88, 0.35, lasting_threshold=1.0)
    tracker, kept, alerts = EpisodeTracker(rules, FRAME_HOP_S, FRAME_S), [], []
    trace = TraceSum(kept.append)
    for number, probability in enumerate(raw):
        t_s = 1.0 + number * FRAME_HOP_S
        alerts += [record.t_s for record in tracker.update(t_s, float(probability)) if isinstance(record, Alert)]
        trace.add(tracker.smoothed, t_s, 1.8e9 + t_s)
    trace.finish()
    again = [episode.alert_utc - 1.8e9 for episode in replay(kept, rules)]
    assert len(alerts) > 20
    assert again == pytest.approx(alerts, abs=0.01)


def test_a_night_with_an_event_without_a_mark_is_left_out_and_named(path):
    make_home(path, marked=False)
    nights = counted(path)
    assert nights.counted == [] and len(nights.unmarked) == 16
    assert nights.left_out[0] == "night of 2026-11-01: without a mark: events 1, 2, 3, 4"
    assert "too little" in too_little(nights)


def test_a_quiet_night_counts_and_a_short_one_does_not(path):
    make_home(path, nights=2, sounds=[])
    nights = counted(path)
    assert len(nights.counted) == 2
    with Store(path) as store:
        store.remove(EVENING_UTC + 5 * 3600.0)
    assert "heard for 3.0 h only" in counted(path).left_out[0]


def test_nights_with_other_models_or_without_frames_are_left_out(path):
    make_home(path, nights=2)
    with Store(path) as store:
        store.add_health(Health(EVENING_UTC + DAY_S - 3600.0, "started", "engine onnx, bundle b 2 (ffffffffffff)"))
    nights = counted(path)
    assert len(nights.counted) == 1 and nights.left_out == ["night of 2026-11-02: heard with other models"]
    with Store(path) as store:
        store._connection.execute("DELETE FROM traces")
    assert "not kept any more" in counted(path).left_out[0]


def test_too_little_is_said_until_there_is_enough(path, tmp_path):
    few = counted(make_home(path, nights=LEAST_NIGHTS - 1))
    assert "2 of 3 nights" in too_little(few) and "6 of 10 cries" in too_little(few)
    enough = counted(make_home(str(tmp_path / "more.db"), nights=4))
    assert sum(len(night.events) for night in enough.counted) >= LEAST_CRIES and too_little(enough) == ""


def test_the_best_finds_most_within_what_is_borne(path):
    nights = counted(make_home(path)).counted
    choices = trade_of(nights, OWN, OWN, SETTINGS)
    assert len(choices) == len(STEPS) and sum(choice.is_now for choice in choices) == 1
    assert [c.thresholds.open_threshold for c in choices] == sorted(c.thresholds.open_threshold for c in choices)
    assert best(choices, 100.0).found == 12
    borne = best(choices, 1.0)
    assert (borne.found, borne.alarms_a_night) == (12, 1.0) and borne.delay_s(0.9) < choices[-1].delay_s(0.9)
    assert best(choices, 0.0).false_alarms == 0
    assert best(choices[:1], 0.0) is None


def test_thresholds_in_force_are_among_them(path):
    nights = counted(make_home(path)).counted
    now = Decision(Thresholds(0.5, 0.2, 1.0), {}, "tuned")
    choices = trade_of(nights, now, OWN, SETTINGS)
    assert len(choices) == len(STEPS) + 1 and choices[0].is_now


def test_the_picture_is_an_svg_with_every_threshold(path):
    from xml.etree import ElementTree

    choices = trade_of(counted(make_home(path)).counted, OWN, OWN, SETTINGS)
    root = ElementTree.fromstring(picture_of(choices, best(choices, 1.0)))
    words = [element.text for element in root.iter() if element.tag.endswith("text")]
    assert "chosen" in " ".join(words) and "now" in " ".join(words)
    assert "nothing to draw" in picture_of([])


def test_noon_is_local_whatever_the_hour():
    for hour in range(0, 24 * 400, 7):
        utc = EVENING_UTC + 3600.0 * hour
        noon = noon_before(utc)
        assert noon <= utc < noon_after(noon) and 22 * 3600 < noon_after(noon) - noon < 26 * 3600


def test_what_was_made_up_is_what_its_name_says():
    assert max(CAT) > 0.88 > max(MUSIC) and max(FAINT_CRY) < 0.88 < max(SURE_CRY)


def test_what_a_monitor_kept_gives_its_own_alerts_again(loud_bundle, tmp_path):  # noqa: F811
    """Sound through the whole of it, its traces through tune: the same alerts at the same times."""
    bundle, settings, alerts = load_bundle(loud_bundle), default_settings(), []

    class Alerts(Sink):
        def alert(self, alert, at_utc):
            alerts.append(at_utc)

    path = str(tmp_path / "night.db")
    with BufferedStore(path, settings) as keeper:
        listener = Listener(bundle, settings, keeper, Source(), Alerts(), EVENING_UTC)
        for number in range(4):
            sound = noise_burst(7 + number, 1 + number, 5)
            for begin in range(0, len(sound), 3000):
                listener.push(sound[begin : begin + 3000])
        listener.finish()
    with Store(path, read_only=True) as store:
        episodes = replay(store.traces(), episode_rules(bundle.decision, settings.decision))
    assert len(alerts) == 4
    assert [episode.alert_utc for episode in episodes] == pytest.approx(alerts, abs=0.01)
