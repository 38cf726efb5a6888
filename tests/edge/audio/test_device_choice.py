"""Which microphone a name means."""

import pytest

from edge.audio.devices import InputDevice, choose_device
from edge.errors import UserError


def device(index, name, is_default=False):
    return InputDevice(name, index, 2, 48000, is_default, "ALSA")


DEVICES = [
    device(0, "bcm2835 Headphones: - (hw:0,0)"),
    device(1, "USB PnP Sound Device: Audio (hw:1,0)"),
    device(2, "USB Nursery: Audio (hw:2,0)"),
    device(3, "default", is_default=True),
    device(4, "sysdefault"),
]


@pytest.mark.parametrize(
    "name, index",
    [("", 3), ("nursery", 2), ("PNP", 1), ("default", 3), ("Default", 3), ("sysd", 4), ("hw:1,0", 1)],
)
def test_an_exact_name_wins_and_a_part_suffices(name, index):
    assert choose_device(DEVICES, name).index == index


def test_one_device_behind_two_host_apis_is_the_first():
    assert choose_device([device(5, "USB"), device(9, "USB")], "usb").index == 5


def test_an_ambiguous_name_lists_what_it_could_mean():
    with pytest.raises(UserError) as error:
        choose_device(DEVICES, "usb")
    assert "'USB PnP Sound Device: Audio (hw:1,0)', 'USB Nursery: Audio (hw:2,0)'" in str(error.value)
    assert "default" not in str(error.value)


def test_an_unknown_name_lists_what_there_is():
    with pytest.raises(UserError, match="no microphone is called 'cradle'") as error:
        choose_device(DEVICES, "cradle")
    assert all(repr(device.name) in str(error.value) for device in DEVICES)


def test_no_default_asks_for_a_name():
    with pytest.raises(UserError, match="no default microphone: choose one with mic:NAME; there is 'USB'"):
        choose_device([device(0, "USB")], "")


@pytest.mark.parametrize("name", ["", "usb"])
def test_no_device_at_all_says_what_to_check(name):
    with pytest.raises(UserError, match="no microphone found: plug one in"):
        choose_device([], name)
