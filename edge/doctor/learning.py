"""What this home keeps to learn from: what, where, how much, how long."""

import os
from typing import List

from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.doctor.machine import why_hidden
from edge.errors import UserError
from edge.learning.answers import MOST_ANSWERS
from edge.learning.learning import MOST_WAITING, WAITS_S
from edge.learning.marked_file import FILE, folder_beside, read_kept, summary
from edge.log import iso_utc

NAME = "learning"


def learning_findings(settings, database: str) -> List[Finding]:
    """One finding. settings: edge.config.Settings."""
    folder = folder_beside(database)
    path = os.path.join(folder, FILE)
    hidden = why_hidden(path)
    if hidden:
        return [Finding(NAME, UNKNOWN, hidden, "sudo cry-monitor doctor --privacy")]
    try:
        kept = read_kept(folder)
    except UserError as error:
        return [Finding(NAME, WRONG, str(error), "rm {}".format(path))]
    episodes, numbers = summary(kept)
    lines = []
    if episodes:
        starts = [episode.start_utc for episode in kept.episodes]
        lines.append(
            "{}: {} marked events from {} to {}, {:.0f} kB; of each up to {} times {} numbers, its mark, and when it "
            "was".format(
                path,
                episodes,
                iso_utc(min(starts)),
                iso_utc(max(starts)),
                os.path.getsize(path) / 1e3,
                MOST_ANSWERS,
                numbers,
            )
        )
    if not settings.learn.enabled:
        if not episodes:
            return [Finding(NAME, OK, "nothing is kept to learn from ([learn] enabled = false)")]
        said = "[learn] is off; what {} events were answered with is still there".format(episodes)
        return [Finding(NAME, WARNING, said, "rm {}".format(path), tuple(lines))]
    lines.append(
        "in memory: what at most {} events that nobody has marked were answered with, {:.0f} h at most".format(
            MOST_WAITING, WAITS_S / 3600
        )
    )
    lines.append(
        "at most {} events and {:g} MB, the oldest go; all go with their events (store.keep_days = {:g}, purge)".format(
            settings.learn.max_episodes, settings.learn.max_mb, settings.store.keep_days
        )
    )
    found = "numbers of {} marked events are kept to learn from; no sound, and no picture of it".format(episodes)
    return [Finding(NAME, OK, found, "", tuple(lines))]
