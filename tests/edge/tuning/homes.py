"""A home's nights, made up: cries that are sure, cries that are not, and sounds that are taken for them."""

import time

from edge.frames import FRAME_HOP_S
from edge.records import Event
from edge.runtime.traces import SCALE
from edge.store import Health, Minute, Store, Trace
from edge.store.marks import marker

SHA = "0123456789abcdef" * 4
EVENING_UTC = time.mktime((2026, 11, 1, 20, 0, 0, 0, 0, -1))
DAY_S = 86400.0
# Each: (seconds after the evening, probabilities of its frames, its mark; None: no event was there)
SURE_CRY = [0.5] + [0.97] * 40
SLOW_CRY = [0.5] * 20 + [0.9] * 40  # is sure after 4 s
FAINT_CRY = [0.5] + [0.8] * 20
CAT = [0.93] * 6
MUSIC = [0.7] * 10


def make_home(path, nights=4, sounds=None, marked=True, sha=SHA):
    """Write `nights` nights of 8 h, each with these sounds; events are where a mark is given."""
    sounds = STANDARD if sounds is None else sounds
    with Store(path) as store:
        store.add_health(Health(EVENING_UTC - 10, "started", "engine onnx, bundle b 1 ({})".format(sha[:12])))
        for night in range(nights):
            begin_utc = EVENING_UTC + night * DAY_S
            for minute in range(8 * 60):
                store.add_minute(Minute(begin_utc + 60 * minute, 60.0, 0.0, -60.0, -50.0, 300, 0, 0))
            for after_s, probabilities, mark in sounds:
                add_sound(store, begin_utc + after_s, probabilities, mark if marked else None, mark is not None)
    return path


def add_sound(store, start_utc, probabilities, mark, is_event):
    """A trace, and the event that it was."""
    length_s = len(probabilities) * FRAME_HOP_S
    trace = Trace(start_utc, start_utc + length_s - FRAME_HOP_S, bytes(int(SCALE * p) for p in probabilities))
    store.add_trace(trace)
    if is_event:
        number = store.add_event(Event(0.0, length_s, max(probabilities)), start_utc, "mic")
        if mark:
            with marker(store.path) as opened:
                opened.mark(number, mark)


STANDARD = [
    (600.0, SURE_CRY, "cry"),
    (1800.0, SLOW_CRY, "cry"),
    (3600.0, CAT, "other"),
    (5400.0, MUSIC, None),
    (7200.0, FAINT_CRY, "cry"),
]
