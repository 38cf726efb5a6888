"""The microphone: whether it is there, whether its name is one microphone's, whether what it hears is sound."""

import time
from typing import List

import numpy as np

from edge.audio import list_input_devices, open_source
from edge.audio.signal_watch import CLIPPED_SHARE, FULL_SCALE
from edge.capture.devices import choose_device
from edge.doctor.finding import OK, UNKNOWN, WARNING, WRONG, Finding
from edge.engines.base import quiet_stderr
from edge.errors import UserError
from edge.frames import SAMPLE_RATE
from edge.status import HEALTHY, LOST, RECOVERING, STALLED
from edge.text import user_name

LISTEN_S = 2.0
FAINT_DBFS = -75.0  # a quiet room is above this on any microphone that is turned up
SILENT_DBFS = -100.0  # less than the last bit of 16
RECENT_S = 180.0  # a service that hears has written a minute since

NOT_HEARD = "stop it and look again: systemctl stop cry-monitor; cry-monitor doctor"
TURN_UP = "turn it up and unmute it: alsamixer, F4 (capture), F6 (the card)"
TURN_DOWN = "turn it down: alsamixer, F4 (capture), F6 (the card)"


def sound_findings(spec: str) -> List[Finding]:
    """Open the source and listen for two seconds."""
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
        return [there, level_finding(_listen(spec))]
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
    peak = float(np.abs(samples).max())
    rms = float(np.sqrt(np.mean(np.square(samples, dtype=np.float64))))
    if peak == 0.0:
        return Finding(
            "level", WRONG, "digital silence: every sample is 0, the microphone is muted or not connected", TURN_UP
        )
    text = "{:.0f} dBFS mean, {:.0f} dBFS peak over {:.1f} s".format(
        20 * np.log10(rms), 20 * np.log10(peak), len(samples) / SAMPLE_RATE
    )
    if np.mean(np.abs(samples) >= FULL_SCALE) > CLIPPED_SHARE:
        return Finding("level", WRONG, text + ": it clips", TURN_DOWN)
    if 20 * np.log10(rms) < FAINT_DBFS:
        return Finding("level", WARNING, text + ": very faint", TURN_UP)
    return Finding("level", OK, text)


def findings_of_service(minutes, status: str) -> List[Finding]:
    """What the running service heard of late, as the microphone is its own.

    minutes: of the store, oldest first. status: the service's own words, which begin with its state of hearing.
    """
    said = "the running service says: " + (status or "nothing")
    if status.startswith((STALLED, RECOVERING, LOST)):
        return [Finding("microphone", WRONG, said, NOT_HEARD)]
    recent = [minute for minute in minutes if minute.start_utc + minute.duration_s > time.time() - RECENT_S]
    if not recent and status.startswith(HEALTHY):
        return [
            Finding("microphone", OK, said),
            Finding("level", UNKNOWN, "the service has not heard a whole minute yet", "run doctor again in a minute"),
        ]
    if not recent or not recent[-1].frames:
        return [Finding("microphone", WRONG, "nothing heard for {:.0f} s; {}".format(RECENT_S, said), NOT_HEARD)]
    latest = recent[-1]
    text = "{:.0f} dBFS mean, {:.0f} dBFS peak in the service's last minute".format(latest.mean_dbfs, latest.max_dbfs)
    level = Finding("level", OK, text)
    if latest.max_dbfs < SILENT_DBFS:
        level = Finding("level", WRONG, text + ": silence, the microphone is muted or not connected", TURN_UP)
    elif latest.max_dbfs < FAINT_DBFS:
        level = Finding("level", WARNING, text + ": very faint", TURN_UP)
    return [Finding("microphone", OK, said), level]


def _recording(spec):
    """A source that is no microphone: whether it can be opened."""
    if spec == "-":
        return Finding("microphone", UNKNOWN, "the source is standard input: no microphone was looked for")
    try:
        with open_source(spec) as source:
            return Finding("microphone", OK, "none is used: the source is the recording {}".format(source.name))
    except UserError as error:
        return Finding("microphone", WRONG, str(error), "set [audio] source to mic")


def _listen(spec):
    with open_source(spec) as source:
        heard = []
        for block in source.blocks():
            heard.append(block)
            if sum(map(len, heard)) >= LISTEN_S * SAMPLE_RATE:
                break
    return np.concatenate([np.zeros(0, np.float32)] + heard)
