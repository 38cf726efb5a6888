"""Built engines on disk: each with a JSON that says what it was built from, so that any change is seen and named.

An engine is good for one model, one TensorRT, one GPU, one precision and one version of our builder, and for
nothing else. Depends on nothing of TensorRT.
"""

import hashlib
import json
import os
import re
import tempfile
from contextlib import suppress
from typing import NamedTuple, Optional

from edge.engines.base import one_line
from edge.errors import UserError
from edge.files import read_regular
from edge.ownership import why_untrusted
from edge.untrusted import read_json

BUILDER_VERSION = 2  # raise it when an engine would be built otherwise
KEPT = 2  # engines of one role: a bundle may be rolled back to the one before
SERVICE = "cry-monitor"
MAX_ENGINE_BYTES = 512 << 20  # as much as a Nano has memory for


class EngineKey(NamedTuple):
    """All that an engine depends on; any difference means another engine."""

    model: str  # SHA-256 over the files it may be built from
    tensorrt: str  # its version
    gpu: str  # its name and compute capability
    precision: str
    builder: int = BUILDER_VERSION

    def digest(self):
        """A short name for exactly this key."""
        text = json.dumps(self._asdict(), sort_keys=True)
        return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


NOUNS = {
    "model": "the model",
    "tensorrt": "TensorRT",
    "gpu": "the GPU",
    "precision": "the precision",
    "builder": "cry-monitor's builder",
}


class Found(NamedTuple):
    """What the cache holds for a key: the engine's bytes, or None and the reason why it must be built."""

    engine: Optional[bytes]
    reason: str


def cache_directory(environment=None):
    """Where engines are kept: the service's cache directory, else the user's."""
    environment = os.environ if environment is None else environment
    of_service = environment.get("CACHE_DIRECTORY", "").split(":")[0]  # systemd may give several
    if of_service:
        return of_service
    home = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return os.path.join(home, SERVICE)


def model_digest(files):
    """SHA-256 over the ONNX files and the calibration cache of {kind: path}. Raises UserError."""
    digest = hashlib.sha256()
    for kind in sorted(files):
        if kind.startswith("onnx") or kind == "calibration_cache":
            content = read_regular(str(files[kind]), MAX_ENGINE_BYTES)
            digest.update("{} {}\n".format(kind, sha256(content)).encode("utf-8"))
    return digest.hexdigest()


class EngineCache(object):
    """The engines of one role, e.g. "detector" or "expert android", in one directory."""

    def __init__(self, directory, role):
        self.directory = directory
        self._role = role.replace(" ", "-")
        self._own = re.compile(re.escape(self._role) + r"-[0-9a-f]{16}\.(engine|json)$")  # "expert-a-b" is not of "a"

    def find(self, key):
        """Found for an EngineKey. Never raises: a cache that cannot be read is one that holds nothing."""
        try:
            entries = self._entries()
        except OSError as error:
            return Found(None, "{} cannot be read ({})".format(self.directory, error.strerror))
        for path, described in entries:
            if described.get("key") == key._asdict():
                why = self._why_untrusted(path + ".engine") or self._why_untrusted(path + ".json")
                return Found(None, "root loads none of it: " + why) if why else self._checked(path, described)
        for _, described in entries:
            if isinstance(described.get("key"), dict):
                return Found(None, changes(described["key"], key))
        if os.path.exists(self._path(key, ".engine")):
            return Found(None, "the cached engine is damaged: its description is gone or cannot be read")
        return Found(None, "none has been built yet")

    def keep(self, key, engine, facts):
        """Write an engine, its bytes, with facts for whoever looks, and remove old ones.

        The engine appears under its name when it is whole, its description after it. Raises OSError.
        """
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        described = dict(facts, key=key._asdict(), sha256=sha256(engine), bytes=len(engine))
        write_atomically(self._path(key, ".engine"), engine)
        write_atomically(self._path(key, ".json"), (json.dumps(described, indent=1) + "\n").encode("utf-8"))
        self._remove_old(os.path.splitext(self._path(key, ".json"))[0])

    def timing_cache(self, key):
        """TensorRT's own cache of kernel timings for this TensorRT and GPU: bytes, empty when there is none."""
        if self._why_untrusted(self._timing_path(key)):
            return b""
        with suppress(UserError):
            return read_regular(self._timing_path(key), MAX_ENGINE_BYTES)
        return b""

    def keep_timing_cache(self, key, content):
        """Write it. Raises OSError."""
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        write_atomically(self._timing_path(key), content)

    def _why_untrusted(self, path):
        """An engine is code for the GPU: root loads none that somebody else could have changed."""
        return why_untrusted(path) if os.path.exists(path) else ""

    def _path(self, key, suffix):
        return os.path.join(self.directory, "{}-{}{}".format(self._role, key.digest(), suffix))

    def _timing_path(self, key):
        where = hashlib.sha256("{} {}".format(key.tensorrt, key.gpu).encode("utf-8")).hexdigest()[:16]
        return os.path.join(self.directory, "timing-{}.cache".format(where))

    def _entries(self):
        """(path without suffix, description) of every described engine, the newest first."""
        if not os.path.isdir(self.directory):
            return []
        entries = []
        for name in os.listdir(self.directory):
            if self._own.match(name) and name.endswith(".json"):
                path = os.path.join(self.directory, name)
                with suppress(OSError, UserError):
                    described = read_json(path)
                    if isinstance(described, dict):
                        entries.append((os.stat(path).st_mtime_ns, path[: -len(".json")], described))
        entries.sort(key=lambda entry: entry[:2], reverse=True)
        return [(path, described) for _, path, described in entries]

    def _checked(self, path, described):
        try:
            engine = read_regular(path + ".engine", MAX_ENGINE_BYTES)
        except UserError as error:
            return Found(None, "the cached engine cannot be read ({})".format(error))
        if sha256(engine) != described.get("sha256"):
            return Found(None, "the cached engine is damaged: {} bytes with another checksum".format(len(engine)))
        return Found(engine, "")

    def _remove_old(self, newest):
        """newest: path without suffix of what was just written; some file systems date it no later than others."""
        others = [path for path, _ in self._entries() if path != newest]
        kept = {newest}.union(others[: KEPT - 1])
        for name in os.listdir(self.directory):
            path, suffix = os.path.splitext(os.path.join(self.directory, name))
            if self._own.match(name) and path not in kept:
                with suppress(OSError):
                    os.remove(path + suffix)


def changes(before, key):
    """What differs between a key as it was written down and the one that is needed, as one line."""
    texts = []
    for name, now in key._asdict().items():
        was = before.get(name)
        if was != now:
            if name == "model":
                was, now = str(was)[:12], now[:12]
            texts.append("{} changed from {} to {}".format(NOUNS[name], was, now))
    return ", ".join(texts) or "its description is of another form"


def write_atomically(path, content):
    """Write bytes so that under this name there is the old file or the whole new one. Raises OSError."""
    handle, temporary = tempfile.mkstemp(prefix=".", suffix=".part", dir=os.path.dirname(path))
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.remove(temporary)
        raise


def sha256(content):
    """Of bytes, in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def why_not_kept(error):
    """An OSError of keep(), as one line."""
    return error.strerror or one_line(error)
