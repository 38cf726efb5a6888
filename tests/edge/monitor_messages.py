"""Messages as a monitor sends them (docs/schemas/socket.schema.json)."""


def status(state="healthy", detail="hearing a microphone", age_s=0.1, episode=None, trouble=""):
    """A status."""
    return {
        "type": "status",
        "at_utc": "2026-11-21T20:00:00.000Z",
        "state": state,
        "detail": detail,
        "since_utc": "2026-11-21T19:00:00.000Z",
        "line": "{}: {}".format(state, detail),
        "notices": [],
        "database_trouble": trouble,
        "episode": episode,
        "last_event": None,
        "frame_age_s": age_s,
        "monitor": {"version": "0.1.0", "pid": 1, "started_utc": "2026-11-21T19:00:00.000Z"},
    }


def frame(level_dbfs=-50.0, p=0.1):
    """A frame."""
    return {
        "type": "frame",
        "at_utc": "2026-11-21T20:00:00.200Z",
        "t_s": 1.0,
        "level_dbfs": level_dbfs,
        "cry_probability": p,
        "gated": False,
    }


def alert():
    """An alert."""
    return {"type": "alert", "at_utc": "2026-11-21T20:00:01.000Z", "t_s": 2.0, "cry_probability": 0.9}


def event(length_s=60.0, cause=None, posterior=None):
    """An event."""
    return {
        "type": "event",
        "start_utc": "2026-11-21T20:00:00.000Z",
        "end_utc": "2026-11-21T20:01:00.000Z",
        "start_s": 1.0,
        "end_s": 1.0 + length_s,
        "cry_probability": 0.95,
        "cause": cause,
        "cause_probability": None,
        "posterior": posterior or {},
        "out_of_distribution": None,
    }


class Clock:
    """A clock that a test moves."""

    def __init__(self, now_s=1000.0):
        self.now_s = now_s

    def __call__(self):
        return self.now_s
