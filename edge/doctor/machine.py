"""The machine: disk, clock, power, temperature, groups."""

import glob
import grp
import os
import time

from edge.bench.board import board_model, temperatures_c, throttled
from edge.clock import is_synchronised
from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.errors import UserError
from edge.store import Store
from edge.store.place import found_aside
from edge.text import user_name

FREE_MB_LEAST = 20  # a night is well under one, but SQLite needs room to move
FREE_MB_EASY = 200
EARLIEST_UTC = 1767225600.0  # 2026-01-01: before this was written
HOT_C = 80.0  # a Raspberry Pi slows down from here on
MOST_TEMPERATURE_C = 150.0  # some zones give nonsense


def disk_finding(database: str) -> Finding:
    """Whether the database can be written and there is room."""
    hidden = why_hidden(database)
    if hidden:
        return Finding("disk", UNKNOWN, hidden, "sudo cry-monitor doctor")
    folder, is_there = _nearest_folder(database), os.path.exists(database)
    if not _may(database if is_there else folder, os.W_OK):
        return Finding(
            "disk",
            WRONG,
            "{} cannot be written by {}".format(database, user_name()),
            "sudo cry-monitor doctor; if the card has become read-only: see dmesg, then replace it",
        )
    disk = os.statvfs(folder)
    free_mb = disk.f_bavail * disk.f_frsize / 1e6
    text = "{:.0f} MB free for {}".format(free_mb, database)
    if free_mb < FREE_MB_LEAST:
        return Finding("disk", WRONG, text, "make room: apt clean; journalctl --vacuum-size=50M")
    if free_mb < FREE_MB_EASY:
        return Finding("disk", WARNING, text, "make room: apt clean; journalctl --vacuum-size=50M")
    return Finding("disk", OK, text)


def why_hidden(database: str) -> str:
    """Why this user cannot tell whether there is a database and what is in it; empty when that can be told."""
    folder = _nearest_folder(database)
    if not _may(folder, os.X_OK) or (os.path.exists(database) and not _may(database, os.R_OK)):
        return "{} may not be seen by {}".format(folder, user_name())
    return ""


def database_finding(database: str) -> Finding:
    """Whether what was kept can be read."""
    hidden = why_hidden(database)
    if hidden:
        return Finding("database", UNKNOWN, hidden, "sudo cry-monitor doctor")
    if not os.path.exists(database):
        return Finding("database", OK, "{} is not there yet; it is made at the first start".format(database))
    try:
        with Store(database, read_only=True) as store:
            text, damaged = "{} events in {}".format(len(store.events()), store.path), tuple(store.damaged)
    except UserError as error:
        return Finding("database", WRONG, str(error), "start the service again: it sets it aside and begins a new one")
    aside = tuple("set aside: " + name for name in found_aside(database))
    if damaged or aside:
        advice = "see what was in it with cry-monitor events --db FILE, then move it away"
        return Finding(
            "database", WARNING, text, advice if aside else "the card loses data: replace it", damaged + aside
        )
    return Finding("database", OK, text)


def clock_finding(now_utc: float) -> Finding:
    """Whether the time is right, as far as the machine knows."""
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_utc))
    battery = glob.glob("/dev/rtc*") or glob.glob("/sys/class/rtc/rtc*")
    without = "" if battery else "; no clock battery, so it is wrong after a power cut until a network is there"
    if now_utc < EARLIEST_UTC:
        return Finding("clock", WRONG, text + " is in the past" + without, "timedatectl set-ntp true, with a network")
    synchronised = is_synchronised()
    if synchronised is None:
        return Finding("clock", UNKNOWN, "{}; whether it is synchronised cannot be read here{}".format(text, without))
    if not synchronised:
        return Finding("clock", WARNING, "{}, not synchronised{}".format(text, without), "timedatectl set-ntp true")
    return Finding("clock", OK, "{}, synchronised{}".format(text, without))


def power_finding() -> Finding:
    """What a Raspberry Pi's firmware has seen, and how hot the board is."""
    temperatures = [c for c in temperatures_c("/").values() if c < MOST_TEMPERATURE_C]
    heat = "{:.0f} C".format(max(temperatures)) if temperatures else "temperature unknown"
    seen = throttled()
    if seen is not None and (seen["now"] or seen["since_start"]):
        state = WRONG if seen["now"] else WARNING
        return Finding(
            "power",
            state,
            "{}; now: {}; since the start: {}".format(
                heat, ", ".join(seen["now"]) or "nothing", ", ".join(seen["since_start"]) or "nothing"
            ),
            "use the board's own power supply and a short cable; give it air or a heat sink",
        )
    if temperatures and max(temperatures) >= HOT_C:
        return Finding("power", WARNING, heat + ": it will slow down", "give it air or a heat sink")
    if seen is None and "Raspberry Pi" in (board_model("/") or ""):
        return Finding("power", UNKNOWN, heat + "; vcgencmd get_throttled cannot be run", "sudo cry-monitor doctor")
    return Finding("power", OK, heat + ("" if seen is None else ", no under-voltage, not throttled"))


def group_finding() -> Finding:
    """Whether this user may open sound devices; the service has the group audio of its own."""
    nodes = glob.glob("/dev/snd/pcm*c")
    user = user_name()
    if nodes and all(os.access(node, os.R_OK | os.W_OK) for node in nodes):
        return Finding("group audio", OK, "{} may open {}".format(user, ", ".join(sorted(nodes))))
    try:
        audio = grp.getgrnam("audio")
    except KeyError:
        return Finding("group audio", WARNING, "this system has no group audio", "groupadd --system audio")
    if os.geteuid() == 0 or audio.gr_gid in os.getgroups() or audio.gr_gid == os.getegid():
        there = "" if nodes else "; there are none"
        return Finding("group audio", OK, "{} may open sound devices{}".format(user, there))
    return Finding(
        "group audio",
        WARNING,
        "{} is not in it (the service is)".format(user),
        "sudo usermod -a -G audio {}, then log in again".format(user),
    )


def _nearest_folder(path):
    """The folder of a file; what is missing of it is made at the first start, so the nearest that is there."""
    folder = os.path.dirname(os.path.realpath(path))
    while not os.path.isdir(folder) and not os.path.ismount(folder):
        folder = os.path.dirname(folder)
    return folder


def _may(path, what):
    """Whether this user, as whom it now acts, may do that; a read-only disk lets nobody write."""
    return os.access(path, what, effective_ids=True)
