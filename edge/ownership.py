"""Whether somebody else could have changed a file: what root loads must be root's alone."""

import os
import stat

from edge.text import printable

ROOT = 0


def why_untrusted(path):
    """Who but this user could change what a path names, in words; empty when nobody could, or when this is not root.

    Looked at: the file itself and every folder above it. Where others may write beside it they may put another in its
    place, unless the folder keeps what each of them has made (the sticky bit, as of /tmp).
    """
    if os.geteuid() != ROOT:
        return ""
    place = os.path.realpath(path)
    while True:
        found = _why_place_untrusted(place)
        if found or place == os.path.dirname(place):
            return found
        place = os.path.dirname(place)


def _why_place_untrusted(place):
    try:
        status = os.stat(place)
    except OSError as error:
        return "{} cannot be looked at ({})".format(printable(place), error.strerror)
    if status.st_uid != ROOT:
        return "{} belongs to user {}, who could change it".format(printable(place), status.st_uid)
    if stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX:
        return ""
    if status.st_mode & stat.S_IWOTH:
        return "{} can be changed by everybody".format(printable(place))
    if status.st_mode & stat.S_IWGRP and status.st_gid != ROOT:
        return "{} can be changed by the group {}".format(printable(place), status.st_gid)
    return ""
