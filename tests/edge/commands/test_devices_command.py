"""`cry-monitor devices` on a real PortAudio."""

import glob
import json

import pytest
from patience import PATIENCE_S

COMMAND = """
import argparse, sys
from edge.commands import devices
from edge.errors import UserError
parser = argparse.ArgumentParser()
devices.add_parser(parser.add_subparsers())
args = parser.parse_args(sys.argv[1:])
try:
    sys.exit(args.run(args))
except UserError as error:
    print(error, file=sys.stderr)
    sys.exit(1)
"""


def run(virtual_microphone, *arguments):
    process = virtual_microphone.run_python(COMMAND, "devices", *arguments)
    output, errors = process.communicate(timeout=PATIENCE_S)
    return process.returncode, output.splitlines(), errors.splitlines()


def test_the_table_marks_the_default(virtual_microphone):
    status, lines, errors = run(virtual_microphone)
    assert status == 0 and errors == []
    assert lines[0].split() == ["NAME", "CHANNELS", "RATE", "HZ", "THROUGH"]
    (default,) = [line.split() for line in lines[1:-1] if line.startswith("*")]
    assert default[1] == "default" and default[-1] == "ALSA"
    assert any(line.split()[0] == "stereo48" for line in lines)


def test_json_is_one_object_per_device(virtual_microphone, validate):
    status, lines, errors = run(virtual_microphone, "--json")
    assert status == 0 and errors == []
    devices = [json.loads(line) for line in lines]
    validate(devices, "devices")
    assert [device["name"] for device in devices if device["is_default"]] == ["default"]


@pytest.mark.skipif(bool(glob.glob("/dev/snd/pcm*c")), reason="this machine has a real microphone")
def test_no_microphone_is_one_line_and_status_1(virtual_microphone, tmp_path):
    (tmp_path / "asound.conf").write_text("</usr/share/alsa/alsa.conf>\n")
    virtual_microphone.kill()
    virtual_microphone.environment["ALSA_CONFIG_PATH"] = str(tmp_path / "asound.conf")
    for arguments in [(), ("--json",)]:
        status, lines, errors = run(virtual_microphone, *arguments)
        assert status == 1 and lines == []
        assert len(errors) == 1 and errors[0].startswith("no microphone found: plug one in")
