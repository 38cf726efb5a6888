"""Which microphone a name means."""

import os

import pytest

from edge.capture.devices import InputDevice, choose_device
from edge.capture.stable_ids import stable_ids
from edge.errors import UserError


def device(index, name, is_default=False, stable_id=""):
    return InputDevice(name, index, 2, 48000, is_default, "ALSA", stable_id)


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


def test_a_name_with_yesterdays_card_number_still_means_the_microphone():
    assert choose_device(DEVICES, "USB Nursery: Audio (hw:1,0)").index == 2


TWINS = [
    device(0, "USB: Audio (hw:1,0)", stable_id="platform-xhci-usb-0:1.1:1.0"),
    device(1, "USB: Audio (hw:2,0)", stable_id="platform-xhci-usb-0:1.2:1.0"),
]


@pytest.mark.parametrize("name", ["platform-xhci-usb-0:1.2:1.0", "usb-0:1.2", "USB: Audio (hw:2,0)"])
def test_two_microphones_of_one_make_are_told_apart_by_their_socket(name):
    assert choose_device(TWINS, name).index == 1


def test_two_of_one_make_that_both_moved_are_ambiguous():
    with pytest.raises(UserError, match="more than one microphone: 'platform-xhci-usb-0:1.1:1.0', "):
        choose_device(TWINS, "USB: Audio (hw:3,0)")


def test_a_card_is_called_after_its_socket(tmp_path):
    (tmp_path / "controlC1").write_text("")
    (tmp_path / "pcmC2D0c").write_text("")
    (tmp_path / "by-path").mkdir()
    for link, target in (("pci-0-usb-0:1.2:1.0", "controlC1"), ("pci-0-sound", "pcmC2D0c")):
        os.symlink("../" + target, str(tmp_path / "by-path" / link))
    assert stable_ids(str(tmp_path / "by-path")) == {1: "pci-0-usb-0:1.2:1.0"}
    assert stable_ids(str(tmp_path / "nowhere")) == {}
