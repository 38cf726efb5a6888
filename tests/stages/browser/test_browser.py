"""The pages as a phone, a phone in the dark and a desktop show them: judged by axe, walked through by keyboard."""

import functools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "tests" / "edge")]

from monitor_messages import alert, event, frame, status  # noqa: E402

from benchmarks.device.year_of_nights import fill  # noqa: E402
from edge.following.live import Live  # noqa: E402
from edge.log import iso_utc  # noqa: E402
from edge.records import Event  # noqa: E402
from edge.store import Health, Minute, Store  # noqa: E402
from edge.web.access import Access  # noqa: E402
from edge.web.server import PageServer  # noqa: E402

PICTURES = os.environ.get("PICTURES", "")  # a folder: what the documents show is written there too
SHOWN = {"live": "phone,phone-dark", "report": "phone,phone-dark,desktop", "year": "phone", "file": ""}
SERIOUS = ("serious", "critical")
OPENS_WITHIN_S = 1.0
NIGHT_MINUTES = 600
CRIES = ((70, 140.0, 0.97), (231, 35.0, 0.91), (236, 260.0, 0.99), (415, 80.0, 0.95))  # minute, seconds, probability
DEAF, PAUSED = range(300, 318), range(480, 500)  # minutes


def made_up_night(path):
    """Ten hours that end now: four cries, a gap, a pause."""
    random = np.random.default_rng(1)
    begin_utc = time.time() - 60.0 * NIGHT_MINUTES
    level = -58.0
    with Store(path) as store:
        store.add_health(Health(begin_utc + 60.0 * PAUSED[0], "paused", "by whoever asked, for 20 minutes"))
        store.add_health(Health(begin_utc + 60.0 * PAUSED[-1] + 60.0, "hearing", "again"))
        for number in set(range(NIGHT_MINUTES)) - set(DEAF) - set(PAUSED):
            level = -58.0 + 0.8 * (level + 58.0) + float(random.normal(0.0, 1.5))
            cries = any(minute <= number <= minute + length_s / 60 for minute, length_s, _ in CRIES)
            peak = -18.0 if cries else level + float(random.exponential(6.0))
            store.add_minute(Minute(begin_utc + 60.0 * number, 60.0, 0.0, level, max(peak, level), 300, 0, 0))
        for minute, length_s, probability in CRIES:
            store.add_event(Event(0.0, length_s, probability), begin_utc + 60.0 * minute + 7.0, "mic")


def feed(live, ended):
    """Two monitors: one hears a baby that begins to cry, one is paused."""
    random = np.random.default_rng(2)
    minutes_ago = lambda minutes: iso_utc(time.time() - 60.0 * minutes)  # noqa: E731
    live.take("nursery", dict(event(380.0), start_utc=minutes_ago(52)))
    told = {"at_utc": minutes_ago(0.5), "by": "push.ntfy", "what": "Crying", "trouble": ""}
    number = 0
    while not ended.is_set():
        number += 1
        cries = number > 70
        live.take("nursery", dict(status(detail="hearing USB microphone"), told=[told] if cries else []))
        if cries:
            live.take("nursery", dict(alert(), at_utc=minutes_ago(0.5)))
        p = min(1.0, max(0.0, (0.95 if cries else 0.05) + float(random.normal(0.0, 0.03))))
        level_dbfs = -24.0 if cries else -55.0 + float(random.normal(0.0, 2.0))
        live.take("nursery", dict(frame(level_dbfs, p), detector_probability=0.9 * p, verified=cries))
        live.take("twins", status("paused", "until 22:40 (29 min left)"))
        live.publish()
        ended.wait(0.0 if number < 120 else 0.5)  # a minute of history at once, then as it comes


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The address of a page of two monitors, one with a night, one with a year."""
    folder = tmp_path_factory.mktemp("page")
    made_up_night(str(folder / "night.db"))
    fill(folder / "year.db")
    live = Live({"nursery": str(folder / "none"), "twins": str(folder / "neither")})
    ended = threading.Event()
    threading.Thread(target=feed, args=(live, ended), daemon=True).start()
    databases = {"nursery": str(folder / "night.db"), "twins": str(folder / "year.db")}
    server = PageServer(
        "127.0.0.1", 0, live, {name: str(folder / "none") for name in databases}, databases, Access(set(), None)
    )
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    yield "http://127.0.0.1:{}".format(server.server_port)
    ended.set()
    live.close()
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def report_file(tmp_path_factory):
    """file:// address of what `cry-monitor report` wrote of the night."""
    folder = tmp_path_factory.mktemp("report")
    made_up_night(str(folder / "night.db"))
    command = [sys.executable, "-m", "edge.commands.main", "report", "--db", "night.db"]
    subprocess.run(command, cwd=folder, env=dict(os.environ, PYTHONPATH=str(REPOSITORY)), check=True)
    return (folder / "night.html").as_uri()


@pytest.fixture(scope="module")
def seen_at(page, report_file):
    """seen_at(name): what was found at one of the pages, of each kind of screen; each is looked at once."""
    urls = {
        "live": page + "/",
        "report": page + "/report",
        "year": page + "/report?source=twins&days=400",
        "file": report_file,
    }
    return functools.lru_cache(None)(
        lambda name: look(urls[name], os.path.join(PICTURES, name) if PICTURES else "", SHOWN[name])
    )


@pytest.fixture(params=["live", "report", "year", "file"])
def seen(request, seen_at):
    """What was found at each of the pages."""
    return seen_at(request.param)


def look(url, picture="", screens=""):
    """What the browser finds at an address: one dictionary for each screen."""
    done = subprocess.run(["node", "look.mjs", url, picture, screens], cwd=HERE, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def test_there_is_no_serious_finding(seen):
    for screen in seen:
        assert [one for one in screen["violations"] if one["impact"] in SERIOUS] == [], screen["name"]
        assert screen["passes"] > 10


def test_nothing_is_asked_of_anybody_else_and_nothing_fails(seen):
    for screen in seen:
        assert (screen["elsewhere"], screen["errors"]) == ([], []), screen["name"]


def test_it_does_not_scroll_sideways(seen):
    assert [screen["sideways_px"] for screen in seen] == [0, 0, 0]


def test_the_keyboard_reaches_everything(seen):
    assert [screen["unreached"] for screen in seen] == [0, 0, 0]


def test_a_button_is_pressed_by_keyboard_and_its_answer_is_read_out(seen_at):
    for screen in seen_at("live"):
        assert "no monitor answers" in screen["pressed"]  # the stand-in hears, and cannot be asked
        assert any(one["role"] == "status" and one["text"] == screen["pressed"] for one in screen["live"])


def test_it_prints(seen):
    assert seen[2]["name"] == "desktop" and seen[2]["printed_bytes"] > 5000


def test_it_opens_within_a_second(seen, capsys):
    with capsys.disabled():
        print(" opened in", ", ".join("{loaded_s:.2f} s".format(**screen) for screen in seen))
    others = max(1.0, os.getloadavg()[0] / os.cpu_count())  # the machine may have much else to do
    assert min(screen["loaded_s"] for screen in seen) < OPENS_WITHIN_S * others


def test_crying_is_said_by_a_screen_reader(seen_at):
    (screen, *_) = seen_at("live")
    assert {"role": "alert", "live": "assertive", "text": "Crying"} in screen["live"]
    assert any("Paused" in one["text"] for one in screen["live"])
