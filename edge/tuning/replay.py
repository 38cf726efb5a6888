"""The alerts that other thresholds would have raised, by the very rules that raise them."""

from typing import List, NamedTuple

from edge.decision.episodes import EpisodeRules, EpisodeTracker
from edge.frames import FRAME_HOP_S, FRAME_S
from edge.records import Alert, Event
from edge.runtime.traces import SCALE
from edge.store import Trace
from edge.tuning.nights import span


class Episode(NamedTuple):
    """An alert, and when the crying that it told of was. Seconds since 1970."""

    alert_utc: float
    start_utc: float
    end_utc: float


def replay(traces: List[Trace], rules: EpisodeRules) -> List[Episode]:
    """Episodes of the frames that were kept, everything between them taken for quiet. rules.smoothing_frames is passed
    over: frames were smoothed as they were heard."""
    if not traces:
        return []
    rules = EpisodeRules(
        rules.open_threshold,
        rules.close_threshold,
        rules.min_event_s,
        rules.merge_gap_s,
        1,
        rules.lasting_threshold,
        rules.lasting_frames,
    )
    origin_utc = min(trace.start_utc for trace in traces) - FRAME_S
    tracker = EpisodeTracker(rules, FRAME_HOP_S, FRAME_S)
    quiet_frames = rules.lasting_frames + int(rules.merge_gap_s / FRAME_HOP_S) + 2  # after so many nothing is left
    records, t_s = tracker.update(0.0, 0.0), 0.0
    for trace in sorted(traces, key=span):
        begin_s = trace.start_utc - origin_utc
        for _ in range(quiet_frames):
            if t_s + 1.5 * FRAME_HOP_S > begin_s:
                break
            t_s += FRAME_HOP_S
            records += tracker.update(t_s, 0.0)
        t_s = max(t_s + FRAME_HOP_S, begin_s)
        for number, probability in enumerate(trace.probabilities):
            t_s += FRAME_HOP_S if number else 0.0
            records += tracker.update(t_s, probability / SCALE)
    return _episodes(records + tracker.finish(), origin_utc)


def _episodes(records, origin_utc):
    """An Event follows the Alert that it ends."""
    episodes, alert_utc = [], None
    for record in records:
        if isinstance(record, Alert):
            alert_utc = origin_utc + record.t_s
        elif isinstance(record, Event) and alert_utc is not None:
            episodes.append(Episode(alert_utc, origin_utc + record.start_s, origin_utc + record.end_s))
            alert_utc = None
    return episodes
