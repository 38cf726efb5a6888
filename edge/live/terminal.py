"""The lines on a terminal, drawn anew twice a second."""

import curses

from edge.following.live import EVERY_S, Live
from edge.live.screen import screen

QUIT = (ord("q"), ord("Q"), 27)


def show(live: Live) -> None:
    """Draw until q is pressed or Ctrl-C; the terminal is left as it was."""
    curses.wrapper(lambda window: _draw(window, live))


def _draw(window, live):
    curses.curs_set(0)
    window.timeout(0)
    version = -1
    while True:
        version = live.wait(version, 2 * EVERY_S)
        height, width = window.getmaxyx()
        window.erase()
        for number, line in enumerate(screen(live.monitors, max(20, width - 1))[: height - 1]):
            is_alarm = line.startswith("!") or "CRYING" in line or "DOES NOT HEAR" in line or "PAUSED" in line
            window.addnstr(number, 0, line, width - 1, curses.A_BOLD if is_alarm else curses.A_NORMAL)
        window.addnstr(height - 1, 0, "q: end", width - 1, curses.A_DIM)
        window.refresh()
        if window.getch() in QUIT:
            return
