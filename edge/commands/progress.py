"""One line that says how far a long command is: on a terminal only, gone when the command says something else."""

import sys
import time

AT_MOST_EVERY_S = 0.2
ERASE_LINE = "\r\x1b[K"


class ProgressLine(object):
    """A line on stderr that is written over. Does nothing where stderr is no terminal."""

    def __init__(self):
        self._is_shown = False
        self._is_terminal = sys.stderr.isatty()
        self._next_s = 0.0

    def show(self, text):
        """Write the line anew, a few times a second at most."""
        now_s = time.monotonic()
        if self._is_terminal and now_s >= self._next_s:
            self._next_s = now_s + AT_MOST_EVERY_S
            self._is_shown = True
            sys.stderr.write(ERASE_LINE + text)
            sys.stderr.flush()

    def clear(self):
        """Take the line away, for other lines to be printed."""
        if self._is_shown:
            self._is_shown = False
            sys.stderr.write(ERASE_LINE)
            sys.stderr.flush()
