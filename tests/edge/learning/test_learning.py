"""A monitor that may learn: an episode's answers wait for their mark in memory, and only then are written down."""

import os

import numpy as np
import pytest
from verifier_bundle import quiet, tone, write_verifier_bundle

from edge.audio import Source
from edge.bundle import load_bundle
from edge.config import default_settings
from edge.errors import UserError
from edge.learning import learning as room
from edge.learning.answers import LEAST_APART_S, MOST_ANSWERS, AnswerLog
from edge.learning.learning import Learning, mark_and_settle, networks_of
from edge.learning.marked_file import folder_beside, read_kept
from edge.runtime.listener import Listener
from edge.sinks import Sink
from edge.store import Store
from edge.store.buffered_store import BufferedStore
from edge.store.marks import mark_requests

ANSWER_S = LEAST_APART_S


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    directory = str(write_verifier_bundle(tmp_path_factory.mktemp("bundle")))
    try:
        return load_bundle(directory)
    except UserError as error:
        pytest.skip(str(error))


class Home:
    """A monitor's listener, store and socket requests, with [learn] on."""

    def __init__(self, folder, bundle, **changes):
        learn = default_settings().learn._replace(enabled=True, **changes)
        self.settings = default_settings()._replace(learn=learn)
        self.troubles = []
        self.bundle, self.keeper = bundle, BufferedStore(str(folder / "events.db"), self.settings)
        self.learning = Learning(self.settings, lambda: self.keeper.path, networks_of(bundle.directory), self.told)
        self._mark = mark_and_settle(mark_requests(lambda: self.keeper.path), self.learning)["mark"]

    def told(self, trouble):
        self.troubles.append(trouble)

    def listener(self):
        return Listener(self.bundle, self.settings, self.keeper, Source(), Sink(), 1.8e9, None, self.learning)

    def hear(self, *parts):
        listener = self.listener()
        listener.push(np.concatenate(parts))
        return listener

    def mark(self, event, mark):
        self._mark({"event": event, "mark": mark})

    @property
    def kept(self):
        return read_kept(folder_beside(self.keeper.path)).episodes

    @property
    def file(self):
        return os.path.join(folder_beside(self.keeper.path), "marked.json")


@pytest.fixture
def home(tmp_path, bundle):
    made = Home(tmp_path, bundle)
    yield made
    made.keeper.close()


def test_nothing_is_written_before_a_mark_and_then_what_the_fusion_takes_in(home):
    home.hear(quiet(2), tone(6), quiet(9))
    assert home.learning.waiting == 1 and not os.path.exists(home.file)
    home.mark("last", "cry")
    (episode,) = home.kept
    with Store(home.keeper.path, read_only=True) as store:
        (event,) = store.events()
    assert (episode.start_utc, episode.end_utc, episode.mark) == (event.start_utc, event.end_utc, "cry")
    rows = np.array(episode.logits)
    assert rows.shape[1] == 1 + len(home.bundle.verifier.labels)
    assert 6 / ANSWER_S - 2 <= len(rows) <= 9 / ANSWER_S
    assert home.learning.waiting == 0
    probability = [home.bundle.verifier.probability(row[0], row[1:]) for row in rows]
    assert max(probability) == pytest.approx(event.cry_probability, abs=0.05)


def test_a_mark_while_the_cry_goes_on_is_kept_at_its_end(home):
    listener = home.hear(quiet(2), tone(8))
    home.mark("last", "cry")
    assert home.kept == []
    listener.push(quiet(9))
    assert [episode.mark for episode in home.kept] == ["cry"]


def test_a_mark_may_change_and_may_be_taken_back(home):
    home.hear(quiet(2), tone(6), quiet(9))
    for mark in ("cry", "other"):
        home.mark("last", mark)
        assert [episode.mark for episode in home.kept] == [mark]
    home.mark("last", "none")
    assert home.kept == [] and not os.path.exists(home.file)


def test_what_nobody_marks_is_forgotten_after_a_day(home, monkeypatch):
    listener = home.hear(quiet(2), tone(6), quiet(9))
    later_s = room.since_boot_s() + room.WAITS_S + 1
    monkeypatch.setattr(room, "since_boot_s", lambda: later_s)
    listener.push(quiet(61))
    assert home.learning.waiting == 0
    home.mark("last", "cry")
    assert home.kept == []


def test_what_is_purged_is_forgotten_in_memory_too(home):
    listener = home.hear(quiet(2), tone(6), quiet(9), tone(6), quiet(9))
    assert home.learning.waiting == 2
    home.mark(1, "other")
    with Store(home.keeper.path) as store:
        store.remove()
    listener.push(quiet(61))
    assert home.learning.waiting == 0
    home.learning.settle()
    assert home.kept == []


def test_other_networks_begin_a_new_file(home):
    home.hear(quiet(2), tone(6), quiet(9))
    home.mark("last", "cry")
    after = Learning(home.settings, lambda: home.keeper.path, "of others")
    after.settle()
    assert home.kept == []


def test_a_damaged_file_is_begun_anew(home):
    home.hear(quiet(2), tone(6), quiet(9))
    os.makedirs(os.path.dirname(home.file), exist_ok=True)
    with open(home.file, "w") as file:
        file.write("half of a {")
    home.mark("last", "cry")
    assert len(home.kept) == 1


def test_a_disk_that_takes_nothing_keeps_the_mark_and_tries_again(home):
    home.hear(quiet(2), tone(6), quiet(9))
    folder = os.path.dirname(home.file)
    if os.path.isdir(folder):
        os.rmdir(folder)
    with open(folder, "w"):
        pass
    home.mark("last", "cry")
    home.learning.look()
    home.learning.look()
    assert len(home.troubles) == 1 and folder in home.troubles[0] and home.learning.waiting == 1
    os.unlink(folder)
    home.learning.look()
    assert home.troubles[1:] == [""] and len(home.kept) == 1


def test_the_newest_are_kept(tmp_path, bundle):
    home = Home(tmp_path, bundle, max_episodes=1)
    home.hear(quiet(2), tone(6), quiet(9), tone(6), quiet(9))
    home.mark(1, "cry")
    home.mark(2, "other")
    assert [episode.mark for episode in home.kept] == ["other"]
    home.keeper.close()


def test_off_no_number_is_asked_for(home):
    listener = Listener(home.bundle, default_settings(), home.keeper, Source(), Sink(), 1.8e9)
    listener.push(np.concatenate([quiet(2), tone(6), quiet(9)]))
    assert listener.events == 1
    assert mark_and_settle({"mark": 1}, None) == {"mark": 1}
    assert not os.path.exists(folder_beside(home.keeper.path))


def test_of_a_long_cry_as_many_numbers_are_kept_as_of_a_minute():
    log = AnswerLog()
    for number in range(1000):
        log.add(ANSWER_S * number, [float(number), 0.0])
    kept = log.between(0.0, 600.0)
    assert kept.shape == (MOST_ANSWERS, 2) and kept[0, 0] == 0 and kept[-1, 0] == 1000 - 1
    assert (np.diff(kept[:, 0]) >= 10).all()
    assert log.between(601.0, 700.0).shape == (0, 0)


def test_answers_of_every_hop_are_kept_as_seldom_as_is_promised():
    log = AnswerLog()
    for hop in range(30):
        log.add(0.2 * hop, [float(hop)])
    assert log.between(0.0, 6.0)[:, 0].tolist() == list(range(0, 30, 3))


def test_no_answer_has_more_numbers_than_is_promised():
    log = AnswerLog()
    log.add(0.0, [0.0] * 33)
    log.add(0.6, [0.0] * 32)
    assert log.between(0.0, 1.0).shape == (1, 32)
