"""The report as the page shows it, of a database that is another process's."""

import os
import time

from edge.errors import UserError
from edge.report.night import DAY_S, night
from edge.report.night_page import night_page
from edge.store import Store, default_path

HOW_TO_LET = "sudo systemctl enable cry-monitor-serve, then sudo systemctl restart cry-monitor"


def report_page(path, days: int) -> str:
    """The last days of a database; None is the default one. Raises UserError when it cannot be read."""
    path = path or default_path()
    if not may_read(path):
        raise UserError("the page may not read the database {}: {}".format(path, HOW_TO_LET))
    now_utc = time.time()
    with Store(path, read_only=True) as store:
        whole = night(store, now_utc - days * DAY_S, now_utc)
        newest = whole if whole.span.seconds <= 2 * DAY_S else night(store, now_utc - DAY_S, now_utc)
        minutes = store.minutes(newest.span.begin_utc)
    return night_page(whole, newest, minutes)


def may_read(path: str) -> bool:
    """Whether what is there may be read; what is not there yet may."""
    folder = os.path.dirname(path)
    if os.path.isdir(folder) and not os.access(folder, os.X_OK):
        return False
    return not os.path.exists(path) or os.access(path, os.R_OK)
