"""What a monitor keeps of the infant that was enrolled: the only thing beside the database that is about somebody."""

import os
import stat

from edge.doctor.finding import OK, UNKNOWN, WRONG, Finding
from edge.doctor.machine import why_hidden
from edge.errors import UserError
from edge.infant.enrolment import path_beside, read_enrolment
from edge.infant.waiting import LONGEST_S, MOST

NAME = "infant"
FORGET = "cry-monitor enrol --forget"
OFF = "[infant] enabled is false: nothing is computed that infants could be told apart by"
ON = "[infant] enabled is true: how like the enrolled infant a cry sounds is told as one number"
WAITS = (
    "what each cry is like, a direction that infants can be told apart by, waits in memory for a mark: those of the "
    "newest {} cries, for {:.0f} hours at most".format(MOST, LONGEST_S / 3600)
)
NEVER = "no such direction is told, sent, or kept in the database or a report"


def infant_finding(is_enabled, database):
    """What is computed and kept, and how it is removed. is_enabled: of [infant] in the configuration."""
    path, said = path_beside(database), ON if is_enabled else OFF
    evidence = (WAITS, NEVER) if is_enabled else ()
    hidden = why_hidden(path)
    if hidden:
        return Finding(NAME, UNKNOWN, "{}; {}".format(said, hidden), "sudo cry-monitor doctor --privacy", evidence)
    try:
        enrolment = read_enrolment(database)
        mode = stat.S_IMODE(os.lstat(path).st_mode) if enrolment else 0
    except (UserError, OSError) as error:
        return Finding(NAME, UNKNOWN, "{}; what was enrolled cannot be read: {}".format(said, error), FORGET, evidence)
    if enrolment is None:
        return Finding(NAME, OK, "{}; no infant is enrolled".format(said), "", evidence)
    kept = "{} (mode {:o}): the mean of {} cries, {} s, enrolled {}; {} removes it".format(
        path, mode, enrolment.cries, enrolment.seconds, enrolment.made_utc, FORGET
    )
    if mode & 0o077:
        return Finding(
            NAME, WRONG, "{}; others may read {}".format(said, path), "chmod 600 " + path, evidence + (kept,)
        )
    return Finding(NAME, OK, "{}; one infant is enrolled".format(said), "", evidence + (kept,))
