"""Swap is judged by what keeps the monitor out of it, not by what is in it at the moment."""

import os
import subprocess
import sys

import pytest

from edge.doctor.swap import swap_finding, swap_limit

DISK = "/var/swap file 102396 51200 -2"
IN_MEMORY = "/dev/zram0 partition 102396 51200 100"
GROUP = "system.slice/cry-monitor.service"


@pytest.fixture
def system(tmp_path):
    """system(swaps=, swapped=, locked=, limit=) -> a copy of /proc and /sys with one process, 7, of 90 MB."""

    def system(swaps=(), swapped=0, locked=0, limit=None, limit_above=None, backing=None):
        (tmp_path / "proc" / "7").mkdir(parents=True)
        (tmp_path / "proc" / "swaps").write_text("\n".join(["Filename Type Size Used Priority", *swaps]) + "\n")
        (tmp_path / "proc" / "7" / "status").write_text(
            "VmLck:\t{} kB\nVmRSS:\t  90000 kB\nVmSwap:\t{} kB\n".format(locked, swapped)
        )
        (tmp_path / "proc" / "7" / "cgroup").write_text("0::/" + GROUP + "\n")
        group = tmp_path / "sys" / "fs" / "cgroup" / GROUP
        group.mkdir(parents=True)
        for folder, value in ((group, limit), (group.parent, limit_above)):
            if value is not None:
                (folder / "memory.swap.max").write_text(value + "\n")
        if backing:
            device = tmp_path / "sys" / "block" / "zram0"
            device.mkdir(parents=True)
            (device / "backing_dev").write_text(backing + "\n")
        return str(tmp_path)

    return system


@pytest.mark.parametrize(
    "machine, state, found",
    [
        ({"swaps": [DISK], "swapped": 12}, "wrong", "memory of 7 is on /var/swap"),
        ({"swaps": [DISK]}, "warning", "swap is on /var/swap, and nothing keeps 7 out of swap"),
        ({"swaps": [DISK], "limit": "max"}, "warning", "nothing keeps 7 out of swap"),
        ({"swaps": [DISK], "limit": "4096"}, "warning", "nothing keeps 7 out of swap"),
        ({"swaps": [DISK], "limit": "0"}, "ok", "kept out of swap, whatever is switched on"),
        ({"swaps": [DISK], "limit": "max", "limit_above": "0"}, "ok", "kept out of swap"),
        ({"swaps": [DISK], "locked": 260000}, "ok", "kept out of swap"),
        ({"swaps": [DISK], "locked": 64}, "warning", "its memory is not locked"),
        ({"swaps": [IN_MEMORY], "swapped": 12}, "ok", "none is on a disk now; nothing keeps 7 out of swap"),
        ({"swaps": [IN_MEMORY], "backing": "none"}, "ok", "none is on a disk now"),
        ({"swaps": [IN_MEMORY], "backing": "/dev/mmcblk0p3"}, "warning", "swap is on /dev/zram0"),
        ({}, "ok", "none is on a disk now; nothing keeps 7 out of swap"),
    ],
)
def test_swap(system, machine, state, found):
    finding = swap_finding([7], system(**machine))
    assert finding.state == state
    assert found in finding.found
    assert bool(finding.do) == (state != "ok")


def test_without_the_memory_controller_the_limit_is_not_in_force(system):
    assert swap_limit(7, system()) == "not in force"


def test_of_a_real_process():
    code = "from edge.runtime.private_memory import lock_memory; print(lock_memory(), flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        why_not = process.stdout.readline().decode().strip()
        finding = swap_finding([process.pid])
        assert finding.evidence[1].startswith("{}: 0 kB in swap".format(process.pid))
        if not why_not:
            assert "kept out of swap" in finding.found
    finally:
        process.communicate(b"\n")


def test_a_process_of_somebody_else_is_looked_at_too():
    assert swap_finding([os.getppid()]).name == "swap"
