"""What every monitor hears now, as lines of text."""

from typing import Any, Dict, List

from edge.text import printable

LOWEST_DBFS, HIGHEST_DBFS = -90.0, 0.0
BAR_WIDTH = 30
MOST_TOLD = 6  # lines
SPARK = " .:-=+*#%@"  # p(cry) from 0 to 1, in any encoding
UNKNOWN = "?"  # nothing was heard: it is no quiet


def screen(monitors: List[Dict[str, Any]], width: int = 80) -> List[str]:
    """Lines no longer than width. monitors: of edge.following.live.Live."""
    lines = []  # type: List[str]
    for monitor in monitors:
        lines += lines_of(monitor, width) + [""]
    return [printable(line)[:width] for line in lines[:-1]]


def lines_of(monitor: Dict[str, Any], width: int) -> List[str]:
    """The lines of one monitor."""
    lines = ["{}   {}".format(monitor["name"], state_text(monitor))]
    lines.append("level      {}".format(level_text(monitor)))
    lines.append("p(cry)     {}".format(probability_text(monitor)))
    lines.append("one minute |{}|".format(spark([point[1] for point in monitor["history"]], width - 14)))
    lines.append("detector   |{}|".format(spark([point[2] for point in monitor["history"]], width - 14)))
    lines.append("asked      {}".format(asked_text(monitor)))
    lines.append("episode    {}".format(episode_text(monitor)))
    lines.append("last cry   {}".format(last_text(monitor)))
    lines += ["!          {}: {}".format(notice["what"], notice["detail"]) for notice in monitor["notices"] or ()]
    if monitor["database_trouble"]:
        lines.append("!          cannot write down: {}".format(monitor["database_trouble"]))
    if monitor["missed_deadlines"]:
        lines.append("!          {} frames were late".format(monitor["missed_deadlines"]))
    lines += ["told       {}".format(told_text(told)) for told in (monitor["told"] or ())[-MOST_TOLD:]]
    return lines


def state_text(monitor) -> str:
    """Whether it hears, and if not why."""
    if monitor["hearing"]:
        return "hears" + ("   CRYING" if monitor["crying"] else "") + ("   loud" if monitor["loud"] else "")
    if monitor["state"] == "paused":
        return "PAUSED: {}".format(monitor["detail"])
    return "DOES NOT HEAR ({}): {}".format(monitor["state"], monitor["detail"])


def level_text(monitor) -> str:
    """A bar and a number; nothing is known of what is not heard."""
    level_dbfs = monitor["level_dbfs"]
    if level_dbfs is None:
        return "unknown"
    share = (level_dbfs - LOWEST_DBFS) / (HIGHEST_DBFS - LOWEST_DBFS)
    filled = int(round(BAR_WIDTH * min(1.0, max(0.0, share))))
    return "[{}{}] {:.0f} dBFS".format("#" * filled, "." * (BAR_WIDTH - filled), level_dbfs)


def probability_text(monitor) -> str:
    """The newest p(cry)."""
    return "{:.0f} %".format(100 * monitor["cry_probability"]) if monitor["hearing"] else "unknown"


def asked_text(monitor) -> str:
    """Which models the newest half second was shown to."""
    if not monitor["hearing"]:
        return "unknown"
    if not monitor["asks_detector"]:
        return "nobody: the gate is closed, it is too quiet"
    return "detector" + (" and verifier" if monitor["asks_verifier"] else "; nothing suspects crying")


def told_text(told) -> str:
    """Who was told what, and when, or why not."""
    trouble = "NOT, {}: ".format(told["trouble"]) if told["trouble"] else ""
    return "{} {}{} by {}".format(told["at_utc"], trouble, told["what"], told["by"])


def episode_text(monitor) -> str:
    """The open episode."""
    episode = monitor["episode"]
    if not monitor["hearing"]:
        return "unknown"
    return "since {}, p {:.2f}".format(episode["alert_utc"], episode["cry_probability"]) if episode else "none"


def last_text(monitor) -> str:
    """The last event, its cause, and today's minutes."""
    event = monitor["last_event"]
    today = "crying today {:.0f} min".format(monitor["cry_minutes_today"])
    if not event:
        return "none since this view began; " + today
    cause = event.get("cause") or ("uncertain" if event.get("posterior") else "not asked")
    return "{} to {}, p {:.2f}, cause {}; {}".format(
        event["start_utc"], event["end_utc"], event["cry_probability"], cause, today
    )


def spark(values, width: int) -> str:
    """Values from 0 to 1, or None, as characters, the newest right; of several that share a place, the largest."""
    per_place = -(-len(values) // width) or 1
    first = len(values) % per_place
    shares = [values[:first]] if first else []
    shares += [values[begin : begin + per_place] for begin in range(first, len(values), per_place)]
    return "".join(mark_of([value for value in share if value is not None]) for share in shares).rjust(width)


def mark_of(values) -> str:
    """One character of spark()."""
    if not values:
        return UNKNOWN
    return SPARK[int(round((len(SPARK) - 1) * min(1.0, max(0.0, max(values)))))]
