"""The state of a board: read from the system's files and tools, on boards that are not here too."""

import json
import os
import stat

import pytest

from edge.bench import board

PI_CPUINFO = "processor\t: 0\nCPU implementer\t: 0x41\nCPU part\t: 0xd08\n"


@pytest.fixture
def files(tmp_path):
    """files({path: text}) -> the root of a system that has them."""

    def files(texts):
        for path, text in texts.items():
            place = tmp_path / path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        return str(tmp_path)

    return files


@pytest.fixture
def tool(tmp_path, monkeypatch):
    """tool(name, output): a program of that name is on the path."""

    def tool(name, output):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text("#!/bin/sh\ncat <<'END'\n{}\nEND\n".format(output))
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", str(program.parent) + os.pathsep + os.environ["PATH"])

    return tool


def test_a_raspberry_pi(files, tool):
    root = files(
        {
            "proc/device-tree/model": "Raspberry Pi 4 Model B Rev 1.4\0",
            "proc/cpuinfo": PI_CPUINFO,
            "proc/meminfo": "MemTotal:        3885396 kB\n",
            "etc/os-release": 'NAME="Debian"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor": "ondemand\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq": "600000\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq": "1800000\n",
            "sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq": "1500000\n",
            "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
            "sys/class/thermal/thermal_zone0/temp": "48312\n",
        }
    )
    tool("vcgencmd", "throttled=0x50005")
    found = board.board(root)
    assert found["model"] == "Raspberry Pi 4 Model B Rev 1.4"
    assert found["cpu"] == "Cortex-A72"
    assert found["memory_mb"] == 3885
    assert found["system"] == "Debian GNU/Linux 12 (bookworm)"
    assert (found["governor"], found["lowest_mhz"], found["highest_mhz"]) == ("ondemand", 600, 1800)
    now = board.moment(root)
    assert now["clocks_mhz"] == [1500]
    assert now["temperatures_c"] == {"cpu-thermal": 48.312}
    assert now["throttled"] == {"now": ["under-voltage", "throttled"], "since_start": ["under-voltage", "throttled"]}


def test_a_jetson(files, tool):
    root = files(
        {
            "sys/class/thermal/cooling_device0/type": "gpu-throttle\n",
            "sys/class/thermal/cooling_device0/cur_state": "2\n",
            "sys/class/thermal/cooling_device1/type": "pwm-fan\n",
            "sys/class/thermal/cooling_device1/cur_state": "3\n",
        }
    )
    tool("nvpmodel", "NV Fan Mode:quiet\nNV Power Mode: MAXN\n0")
    tool(
        "jetson_clocks",
        "SOC family:tegra210\ncpu0: Online=1 Governor=schedutil MinFreq=1479000 MaxFreq=1479000 CurrentFreq=1479000",
    )
    found = board.board(root)
    assert (found["power_mode"], found["fixed_clocks"]) == ("MAXN", True)
    assert board.moment(root)["cooling"] == {"gpu-throttle": 2}  # a fan slows nothing down


def test_a_system_that_says_nothing(files):
    found = board.board(files({}))
    assert found["model"] is None and found["governor"] is None
    assert board.moment(files({}))["temperatures_c"] == {}


def test_this_machine_as_json():
    assert json.loads(json.dumps(board.board()))["versions"]["python"]
    assert json.loads(json.dumps(board.moment()))["load_1min"] >= 0
