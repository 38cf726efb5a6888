"""The daemon: becomes ready, listens to its source, ends in good order."""

import os
import time
from contextlib import suppress

from edge import __version__
from edge.errors import UserError
from edge.log import iso_utc, log
from edge.pipeline import Pipeline
from edge.runtime.gc_freeze import freeze_gc
from edge.runtime.passed import since_boot_s
from edge.runtime.pause import Pause
from edge.runtime.signals import Signals, Stop
from edge.runtime.source import SourceSupervisor
from edge.runtime.systemd import notify
from edge.sinks.fan_out import Sinks
from edge.status import STOPPED, Status
from edge.store import Health
from edge.store.buffered_store import BufferedStore

NEED_A_RESTART = ("detector", "infant", "store", "learn", "socket")  # sections that are read at the start only


class Daemon:
    """Listens to the source of the settings until it ends or a signal comes.

    The sinks are told of every frame, alert and event. pause: edge.runtime.pause.Pause. learning:
    edge.learning.learning.Learning, or None. `reread()` returns the settings
    as they are now, or raises UserError; SIGHUP asks for that.
    """

    def __init__(
        self, bundle, settings, keeper: BufferedStore, status: Status, sinks: Sinks, reread, pause=None, learning=None
    ):
        self._bundle = bundle
        self._keeper = keeper
        self._status = status
        self._sinks = sinks
        self._reread = reread
        self._signals = Signals()
        self._supervisor = SourceSupervisor(
            bundle, settings, keeper, status, sinks, self._signals, self._new_settings, pause or Pause(), learning
        )
        self._ready_s = None

    def run(self, fast: bool = False) -> None:
        """Listen; `fast` feeds a recording as quickly as it is processed.

        Raises UserError when a file or standard input cannot be read, or ends where it should not; a microphone is
        waited for.
        """
        self._start(fast)
        try:
            with suppress(Stop):
                self._supervisor.listen_until_stopped()
        finally:
            self._end(fast)

    def _start(self, fast):
        """Ctrl-C and SIGTERM end the process at once until it is ready: native code may take long, or for ever."""
        self._bundle.warm_up()
        Pipeline(self._bundle, self._supervisor.settings)  # the first loads what all need: not while a microphone waits
        freeze_gc()
        self._signals.hear_stop()
        bundle, engines = self._bundle, self._bundle.engines()
        detail = "engine {}, bundle {} {} ({})".format(
            ", ".join(engines), bundle.name, bundle.version, bundle.sha256[:12]
        )
        if bundle.tuned:
            detail += ", tuned to this home"
        self._status.monitor = {
            "monitor": {"version": __version__, "pid": os.getpid(), "started_utc": iso_utc(time.time())},
            "bundle": {
                "name": bundle.name,
                "version": bundle.version,
                "sha256": bundle.sha256,
                "engines": engines,
                "tuned": bundle.decision.tuned,
            },
            "database": self._keeper.path,
        }
        self._status.begin(self._keep_health, self._tell_status)
        self._status.started(detail)
        log.info("READY: %s, database %s", detail, self._keeper.path)
        notify("READY=1\nSTATUS=" + self._status.line())
        self._ready_s = since_boot_s()
        self._supervisor.begin(fast)

    def _end(self, fast):
        self._supervisor.end()
        summary = self._supervisor.summary(None if fast else since_boot_s() - self._ready_s)
        not_told = ["{} {}".format(name, dropped) for name, dropped in self._sinks.dropped_by_name().items() if dropped]
        if not_told:
            summary += "; not told: " + ", ".join(not_told)
        log.info("stopped: %s", summary)
        notify("STOPPING=1")
        self._status.enter(STOPPED, summary)

    def _new_settings(self, settings):
        """The configuration as it is now, in place of `settings`; the old one when it cannot be used, with the
        reason."""
        notify("RELOADING=1\nMONOTONIC_USEC={:d}".format(int(1e6 * time.monotonic())))
        try:
            new = self._reread()
            for section in NEED_A_RESTART:
                if getattr(new, section) != getattr(settings, section):
                    raise UserError("[{}] has changed, and is read at the start only: restart".format(section))
        except UserError as error:
            self._status.notice("configuration refused", "{}; the old one stays".format(error))
            new = settings
        except Exception as error:  # whatever a reader of files makes of one: hearing does not end for it
            said = " ".join("{}: {}".format(type(error).__name__, error).split())[:200]
            self._status.notice("configuration refused", "it cannot be read ({}); the old one stays".format(said))
            new = settings
        else:
            self._status.notice("configuration read", "nothing has changed" if new == settings else "new")
        notify("READY=1")
        return new

    def _keep_health(self, state, detail):
        self._keeper.add_health(Health(time.time(), state, detail))

    def _tell_status(self):
        self._sinks.status(self._status.snapshot())
