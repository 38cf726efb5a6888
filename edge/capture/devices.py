"""Which microphones there are, and which one a name means."""

import re
import sys
from typing import List, NamedTuple

from edge.capture.stable_ids import stable_ids
from edge.errors import UserError

CARD_NUMBERS = re.compile(r" *\(hw:(\d+),\d+\)$")  # what ALSA adds to a name, and changes at every boot


class InputDevice(NamedTuple):
    """One input that PortAudio can open."""

    name: str
    index: int  # type: ignore[assignment]  # PortAudio's, in place of the tuple's method; changes when devices come and go, so nothing is remembered by it
    channels: int  # most it can record
    default_rate_hz: int  # the rate it runs at by itself
    is_default: bool
    host_api: str  # "ALSA", "JACK Audio Connection Kit", ...
    stable_id: str = ""  # the same after every boot, in the same socket; empty when the device has none


def load_portaudio(look_again: bool = True):
    """Return the sounddevice module with a fresh list of devices.

    PortAudio reads the list once and never notices what is plugged in later, so it is started again to
    `look_again`: not while a microphone is open. Raises UserError when PortAudio is missing or fails.
    """
    look_again = look_again and "sounddevice" in sys.modules
    try:
        import sounddevice
    except ImportError as error:
        raise UserError(
            "a microphone needs the Python package sounddevice ({}): pip install sounddevice".format(error)
        ) from error
    except OSError as error:
        raise UserError(
            "a microphone needs the PortAudio library ({}): apt install libportaudio2".format(error)
        ) from error
    if look_again:
        try:
            sounddevice._terminate()
            sounddevice._initialize()
        except sounddevice.PortAudioError as error:
            raise UserError("PortAudio does not start ({}): check the sound system".format(error)) from error
    return sounddevice


def list_input_devices() -> List[InputDevice]:
    """Return every input device there is now, in PortAudio's order; an empty list when there is none.

    Not to be called while a microphone is open: see load_portaudio. Raises UserError without PortAudio.
    """
    return input_devices(load_portaudio())


def input_devices(sounddevice) -> List[InputDevice]:
    """Return the input devices of a loaded sounddevice module."""
    host_apis = sounddevice.query_hostapis()
    ids_of_cards = stable_ids()
    default_index = host_apis[sounddevice.default.hostapi]["default_input_device"]
    return [
        InputDevice(
            name=device["name"],
            index=index,
            channels=device["max_input_channels"],
            default_rate_hz=int(round(device["default_samplerate"])),
            is_default=index == default_index,
            host_api=host_apis[device["hostapi"]]["name"],
            stable_id=ids_of_cards.get(_card_number(device["name"]), ""),
        )
        for index, device in enumerate(sounddevice.query_devices())
        if device["max_input_channels"] > 0
    ]


def choose_device(devices: List[InputDevice], name: str) -> InputDevice:
    """Return the device a person means by `name`; case is ignored.

    An empty name means the default device. Otherwise, the first of these that any device has: that name or
    stable id; that name but for the card's number, which moves; a name or stable id that contains it.
    Raises UserError when there is none, or more than one.
    """
    if not devices:
        raise UserError(no_microphone())
    there_is = ", ".join(repr(device.name) for device in devices)
    if not name:
        for device in devices:
            if device.is_default:
                return device
        raise UserError("no default microphone: choose one with mic:NAME; there is {}".format(there_is))

    wanted = name.lower()
    exact = [device for device in devices if wanted in (device.name.lower(), device.stable_id.lower())]
    if exact:
        return exact[0]  # one device behind two host APIs
    numberless = CARD_NUMBERS.sub("", wanted)
    matching = [device for device in devices if CARD_NUMBERS.sub("", device.name.lower()) == numberless] or [
        device for device in devices if wanted in (device.name + "\n" + device.stable_id).lower()
    ]
    if not matching:
        raise UserError("no microphone is called {!r}: there is {}".format(name, there_is))
    if len(matching) > 1:
        names = ", ".join(repr(device.stable_id or device.name) for device in matching)
        raise UserError("{!r} means more than one microphone: {}: give more of the name".format(name, names))
    return matching[0]


def no_microphone() -> str:
    """Return the line for a machine without any input device."""
    return "no microphone found: plug one in; `arecord -l` must list it and this user be in the group audio"


def _card_number(name):
    numbers = CARD_NUMBERS.search(name)
    return int(numbers.group(1)) if numbers else None
