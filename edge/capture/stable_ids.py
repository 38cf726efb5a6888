"""What a sound card is called for good: ALSA's card numbers change with the order in which cards turn up."""

import os
import re
from typing import Dict

BY_SOCKET = "/dev/snd/by-path"  # udev's links, named after the socket a card is in
CONTROL = re.compile(r"controlC(\d+)$")


def stable_ids(directory: str = BY_SOCKET) -> Dict[int, str]:
    """The id of each card that has one, by its number of today.

    It names the socket ("platform-fd500000.pcie-pci-0000:01:00.0-usb-0:1.2:1.0"), so that two microphones of
    one make, whose names are the same, are still told apart.
    """
    try:
        links = sorted(os.listdir(directory))
    except OSError:
        return {}  # no udev: names must do
    ids = {}
    for link in links:
        control = CONTROL.search(os.path.realpath(os.path.join(directory, link)))
        if control:
            ids.setdefault(int(control.group(1)), link)
    return ids
