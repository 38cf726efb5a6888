"""What this machine is, and how it fares: processor, clocks, temperature, throttling, power mode, versions."""

import glob
import os
import platform
import re
import shutil
import subprocess

from edge.versions import loaded_versions

TOOL_TIMEOUT_S = 5.0
# vcgencmd get_throttled: bits 0-3 are true now, the same plus 16 have been since the start.
THROTTLED_BITS = ("under-voltage", "clock capped", "throttled", "soft temperature limit")
SINCE_START_BIT = 16
PACKAGES = ("numpy", "scipy", "soxr", "ai_edge_litert", "tflite_runtime", "onnxruntime", "tensorrt")


def board(root="/"):
    """What does not change during a run: a dict of JSON; what cannot be known is None. root: for tests."""
    cpuinfo = read(root, "proc/cpuinfo") or ""
    return {
        "model": board_model(root),
        "cpu": cpu_name(cpuinfo),
        "cores": os.cpu_count(),
        "architecture": platform.machine(),
        "memory_mb": memory_mb(root),
        "system": system_name(root),
        "kernel": platform.release(),
        "governor": read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"),
        "lowest_mhz": megahertz(read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_min_freq")),
        "highest_mhz": megahertz(read(root, "sys/devices/system/cpu/cpu0/cpufreq/scaling_max_freq")),
        "power_mode": power_mode(),
        "fixed_clocks": fixed_clocks(),
        "versions": loaded_versions(PACKAGES),
    }


def moment(root="/"):
    """What changes: clocks, temperatures, throttling, load; a dict of JSON."""
    return {
        "clocks_mhz": clocks_mhz(root),
        "temperatures_c": temperatures_c(root),
        "throttled": throttled(),
        "cooling": cooling(root),
        "load_1min": os.getloadavg()[0],
    }


def read(root, path):
    """The text of a file of the system without its end, or None."""
    try:
        with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
            return file.read().strip("\0\n ")
    except OSError:
        return None


def board_model(root):
    """E.g. "Raspberry Pi 4 Model B Rev 1.4"; on a PC what its maker calls it."""
    return (
        read(root, "proc/device-tree/model")
        or read(root, "sys/firmware/devicetree/base/model")
        or read(root, "sys/class/dmi/id/product_name")
        or None
    )


def cpu_name(cpuinfo):
    """The processor of a /proc/cpuinfo; arm64 gives numbers only."""
    found = re.search(r"^model name\s*:\s*(.+)$", cpuinfo, re.MULTILINE)
    part = re.search(r"^CPU part\s*:\s*(\w+)$", cpuinfo, re.MULTILINE)
    cores = {
        "0xd03": "Cortex-A53",
        "0xd07": "Cortex-A57",
        "0xd08": "Cortex-A72",
        "0xd0b": "Cortex-A76",
        "0xd42": "Cortex-A78AE",
    }
    if part:
        return cores.get(part.group(1).lower(), "arm64 part " + part.group(1))
    return found.group(1) if found else platform.processor() or None


def memory_mb(root):
    """Memory of the machine in MB, or None."""
    found = re.search(r"MemTotal:\s*(\d+) kB", read(root, "proc/meminfo") or "")
    return int(found.group(1)) // 1000 if found else None


def system_name(root):
    """E.g. "Debian GNU/Linux 12 (bookworm)"."""
    found = re.search(r'^PRETTY_NAME="?([^"\n]*)', read(root, "etc/os-release") or "", re.MULTILINE)
    return found.group(1) if found else platform.system()


def megahertz(kilohertz):
    """MHz of a text in kHz, or None."""
    return int(kilohertz) / 1000.0 if kilohertz and kilohertz.isdigit() else None


def clocks_mhz(root):
    """The clock of each core in MHz; empty where the system does not say."""
    pattern = os.path.join(root, "sys/devices/system/cpu/cpu[0-9]*/cpufreq/scaling_cur_freq")
    clocks = [megahertz(read("", path)) for path in sorted(glob.glob(pattern))]
    if not clocks:
        clocks = [
            float(mhz) for mhz in re.findall(r"^cpu MHz\s*:\s*([\d.]+)", read(root, "proc/cpuinfo") or "", re.MULTILINE)
        ]
    return [mhz for mhz in clocks if mhz]


def temperatures_c(root):
    """{thermal zone: degrees Celsius}."""
    found = {}
    for zone in sorted(glob.glob(os.path.join(root, "sys/class/thermal/thermal_zone*"))):
        millidegrees = read(zone, "temp")
        if millidegrees and millidegrees.lstrip("-").isdigit():
            found[read(zone, "type") or os.path.basename(zone)] = int(millidegrees) / 1000.0
    return found


def cooling(root):
    """{cooling device: its state} of those that slow the processor down now."""
    found = {}
    for device in sorted(glob.glob(os.path.join(root, "sys/class/thermal/cooling_device*"))):
        kind, state = read(device, "type") or "", read(device, "cur_state")
        if state and state.isdigit() and int(state) and re.search("cpu|gpu|throttle", kind, re.IGNORECASE):
            found[kind] = int(state)
    return found


def throttled():
    """What a Raspberry Pi's firmware says: {"now": [...], "since_start": [...]}, or None elsewhere."""
    found = re.search(r"throttled=(0x[0-9a-fA-F]+)", said_by("vcgencmd", "get_throttled") or "")
    if not found:
        return None
    bits = int(found.group(1), 16)
    return {
        "now": [name for bit, name in enumerate(THROTTLED_BITS) if bits >> bit & 1],
        "since_start": [name for bit, name in enumerate(THROTTLED_BITS) if bits >> (bit + SINCE_START_BIT) & 1],
    }


def power_mode():
    """A Jetson's power mode, e.g. "MAXN"; None elsewhere."""
    found = re.search(r"NV Power Mode\s*:\s*(\S+)", said_by("nvpmodel", "-q") or "")
    return found.group(1) if found else None


def fixed_clocks():
    """Whether a Jetson's clocks are held at their highest (jetson_clocks); None where nobody can say."""
    clocks = re.findall(
        r"^cpu\d+:.*MinFreq=(\d+) MaxFreq=(\d+)", said_by("jetson_clocks", "--show") or "", re.MULTILINE
    )
    return all(low == high for low, high in clocks) if clocks else None


def said_by(*command):
    """The output of a tool of the board, or None when it is not here or fails."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        output = subprocess.check_output((program,) + command[1:], stderr=subprocess.DEVNULL, timeout=TOOL_TIMEOUT_S)
    except (OSError, subprocess.SubprocessError):
        return None
    return output.decode("utf-8", "replace")
