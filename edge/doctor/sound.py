"""The microphone or camera: whether it is there, and one alone of its name; whether what it hears is sound."""

import time
from typing import List, Tuple

import numpy as np

from edge.audio import list_input_devices, open_source
from edge.audio.intake import CHANNELS, NOT_NUMBERS
from edge.audio.signal_watch import (
    CLIPPED_SHARE,
    DO_FORMAT,
    DO_HUM,
    DO_OFFSET,
    FORMAT,
    FULL_SCALE,
    HUM,
    LEAST_CUT,
    OFFSET,
)
from edge.audio.sound_faults import hum_of, hum_text, means_of, offset_of, offset_text, slowed, wrong_format
from edge.camera.address import address_of, is_address
from edge.capture.devices import choose_device
from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.engines.base import quiet_stderr
from edge.errors import UserError
from edge.files import is_named_pipe, shown
from edge.frames import FRAME_HOP, SAMPLE_RATE
from edge.status import HEALTHY, LOST, RECOVERING, STALLED
from edge.text import user_name

LISTEN_S = 2.5  # what is said of channels needs 1.5
FAINT_DBFS = -75.0  # a quiet room is above this on any microphone that is turned up
SILENT_DBFS = -100.0  # less than the last bit of 16
RECENT_S = 180.0  # a service that hears has written a minute since

NOT_HEARD = "stop it and look again: systemctl stop cry-monitor; cry-monitor doctor"
TURN_UP = "turn it up and unmute it: alsamixer, F4 (capture), F6 (the card)"
TURN_DOWN = "turn it down: alsamixer, F4 (capture), F6 (the card)"


DO_CAMERA = "put that right, then run doctor again; what others see of the camera: its app, or ffplay ADDRESS"
DO_CHANNELS = "hearing goes on with the channel that is named; check the microphone's plug, cable and wiring"
DO_NOT_NUMBERS = "hearing goes on without them; update the sound system, or record in 16 bits"
DO = {OFFSET: DO_OFFSET, HUM: DO_HUM, FORMAT: DO_FORMAT, CHANNELS: DO_CHANNELS, NOT_NUMBERS: DO_NOT_NUMBERS}


def sound_findings(audio) -> List[Finding]:
    """Open the source and listen for two seconds. audio: the [audio] settings."""
    spec = audio.source
    if is_address(spec):
        return _camera(audio)
    if not spec.startswith("mic"):
        return [_recording(spec)]
    try:
        with quiet_stderr():  # ALSA names devices there that nobody asked for
            devices = list_input_devices()
    except UserError as error:
        return [Finding("microphone", WRONG, str(error), "then run doctor again")]
    if not devices:
        return [
            Finding(
                "microphone",
                WRONG,
                "there is none",
                "plug one in; where arecord -l lists it, another program "
                "may hold it (fuser -v /dev/snd/*), or {} is not in the group audio".format(user_name()),
            )
        ]
    try:
        device = choose_device(devices, spec.partition(":")[2])
    except UserError as error:
        return [Finding("microphone", WRONG, str(error), "set [audio] source; cry-monitor devices lists the names")]
    there = Finding(
        "microphone", OK, "{!r} through {}, {} Hz".format(device.name, device.host_api, device.default_rate_hz)
    )
    try:
        samples, remarks = _listen(audio)
        return [there, level_finding(samples), *map(remark_finding, remarks)]
    except UserError as error:
        return [
            there,
            Finding(
                "level", WRONG, str(error), "close whatever else records (fuser -v /dev/snd/*), then run doctor again"
            ),
        ]


def level_finding(samples: np.ndarray) -> Finding:
    """What 1-D float32 samples say of the microphone that they came from."""
    if not len(samples):
        return Finding("level", WRONG, "the microphone gave no samples", "unplug it and plug it in again")
    lowest, highest = float(samples.min()), float(samples.max())
    if lowest == highest:
        text = "every sample is {:g}, the microphone is muted or not connected".format(lowest)
        return Finding("level", WRONG, text if lowest else "digital silence: " + text, TURN_UP)
    peak = max(highest, -lowest)
    rms = float(np.std(samples, dtype=np.float64))
    text = "{:.0f} dBFS mean, {:.0f} dBFS peak over {:.1f} s".format(
        20 * np.log10(rms), 20 * np.log10(peak), len(samples) / SAMPLE_RATE
    )
    if np.mean(np.abs(samples) >= FULL_SCALE) > CLIPPED_SHARE:
        return Finding("level", WRONG, text + ": it clips", TURN_DOWN)
    if peak >= LEAST_CUT and max(np.mean(samples == highest), np.mean(samples == lowest)) > CLIPPED_SHARE:
        return Finding("level", WRONG, text + ": it is cut off on one side", TURN_DOWN)
    wrong = wrong_format(_loudest(samples))
    if wrong:
        return Finding("level", WRONG, "{}: {}".format(text, wrong), DO_FORMAT)
    offset, hum = offset_of(means_of(samples)), hum_of(slowed(samples))
    if offset:
        return Finding("level", WARNING, "{}: {}".format(text, offset_text(offset)), DO_OFFSET)
    if hum:
        return Finding("level", WARNING, "{}: {}".format(text, hum_text(hum)), DO_HUM)
    if 20 * np.log10(rms) < FAINT_DBFS:
        return Finding("level", WARNING, text + ": very faint", TURN_UP)
    return Finding("level", OK, text)


def remark_finding(remark: Tuple[str, str]) -> Finding:
    """What the source itself has noticed of its samples."""
    what, text = remark
    return Finding(what, WARNING, text, DO[what])


def _loudest(samples):
    hops = samples[: len(samples) // FRAME_HOP * FRAME_HOP].reshape(-1, FRAME_HOP)
    return hops[int(np.argmax(np.abs(hops).max(axis=1)))] if len(hops) else samples


def findings_of_service(minutes, status: str) -> List[Finding]:
    """What the running service heard of late, as the microphone is its own.

    minutes: of the store, oldest first. status: the service's own words, which begin with its state of hearing.
    """
    said = "the running service says: " + (status or "nothing")
    if status.startswith((STALLED, RECOVERING, LOST)):
        return [Finding("microphone", WRONG, said, NOT_HEARD)]
    heard = [minute for minute in minutes if minute.frames]  # the others say that there was nothing to listen to
    recent = [minute for minute in heard if minute.start_utc + minute.duration_s > time.time() - RECENT_S]
    if not recent and status.startswith(HEALTHY):
        return [
            Finding("microphone", OK, said),
            Finding("level", UNKNOWN, "the service has not heard a whole minute yet", "run doctor again in a minute"),
        ]
    if not recent:
        return [Finding("microphone", WRONG, "nothing heard for {:.0f} s; {}".format(RECENT_S, said), NOT_HEARD)]
    latest = recent[-1]
    text = "{:.0f} dBFS mean, {:.0f} dBFS peak in the service's last minute".format(latest.mean_dbfs, latest.max_dbfs)
    level = Finding("level", OK, text)
    if latest.max_dbfs < SILENT_DBFS:
        level = Finding("level", WRONG, text + ": silence, the microphone is muted or not connected", TURN_UP)
    elif latest.max_dbfs < FAINT_DBFS:
        level = Finding("level", WARNING, text + ": very faint", TURN_UP)
    return [Finding("microphone", OK, said), level, *_noticed(status)]


def _noticed(status):
    """What the service says is wrong with the sound, though it hears."""
    parts = [part.partition(": ") for part in status.split("; but ")[1:]]
    return [Finding(what, WARNING, text, DO[what]) for what, _, text in parts if what in DO]


def _recording(spec):
    """A source that is no microphone: whether it can be opened."""
    if spec == "-":
        return Finding("microphone", UNKNOWN, "the source is standard input: no microphone was looked for")
    path = spec.partition(":")[2]
    if spec.startswith("file:") and is_named_pipe(path):
        said = "the source is the named pipe {}: nothing was read from it, what comes is for the monitor"
        return Finding("microphone", UNKNOWN, said.format(shown(path)))
    try:
        with open_source(spec) as source:
            return Finding("microphone", OK, "none is used: the source is the recording {}".format(source.name))
    except UserError as error:
        return Finding("microphone", WRONG, str(error), "set [audio] source to mic")


def _camera(audio):
    """A source of the network, fetched as the monitor fetches it."""
    try:
        samples, remarks = _listen(audio)
    except UserError as error:
        return [Finding("microphone", WRONG, str(error), DO_CAMERA)]
    level = level_finding(samples)
    if level.do in (TURN_UP, TURN_DOWN):
        level = level._replace(do="in the camera's own settings: switch its microphone on, and set how loud it is")
    there = Finding("microphone", OK, "camera {}".format(address_of(audio.source, audio.password_file).shown))
    return [there, level, *map(remark_finding, remarks)]


def _listen(audio):
    """(samples, remarks of the source) of LISTEN_S."""
    heard, remarks = [np.zeros(0, np.float32)], []
    with open_source(audio.source, audio=audio) as source:
        for block in source.blocks():
            heard.append(block)
            remarks += source.remarks()
            if sum(map(len, heard)) >= LISTEN_S * SAMPLE_RATE:
                break
    return np.concatenate(heard), list(dict(remarks).items())
