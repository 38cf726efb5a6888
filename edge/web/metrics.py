"""Prometheus text (exposition format 0.0.4): one set of series per monitor."""

from edge.following.live import Live

SERIES = (
    ("hearing", "gauge", "1 while the monitor hears", lambda state, status: int(state.hearing)),
    ("crying", "gauge", "1 while an episode is open", lambda state, status: int(state.crying)),
    ("level_dbfs", "gauge", "level of the newest frame", lambda state, status: state.level_dbfs),
    ("cry_probability", "gauge", "smoothed p(cry) of the newest frame", lambda state, status: state.cry_probability),
    ("crying_today_minutes", "gauge", "since midnight", lambda state, status: state.cry_minutes_today),
    ("frames_total", "counter", "frames processed", lambda state, status: status.get("frames")),
    ("events_total", "counter", "crying episodes", lambda state, status: status.get("events")),
    ("heard_seconds_total", "counter", "sound heard", lambda state, status: status.get("heard_s")),
    ("skipped_seconds_total", "counter", "time that was not heard", lambda state, status: status.get("skipped_s")),
    ("missed_deadlines_total", "counter", "frames over budget", lambda state, status: status.get("missed_deadlines")),
    ("database_trouble", "gauge", "1 while it cannot be written", lambda s, status: int(bool(s.database_trouble))),
)


def metrics_text(live: Live) -> str:
    """The page at /metrics."""
    lines = []
    for name, kind, words, value_of in SERIES:
        values = [(monitor, value_of(s.state, live.statuses[monitor])) for monitor, s in live.sensors.items()]
        known = [(monitor, value) for monitor, value in values if value is not None]
        if not known:
            continue
        lines += ["# HELP cry_monitor_{} {}".format(name, words), "# TYPE cry_monitor_{} {}".format(name, kind)]
        lines += ['cry_monitor_{}{{source="{}"}} {}'.format(name, monitor, value) for monitor, value in known]
    return "\n".join(lines) + "\n"
