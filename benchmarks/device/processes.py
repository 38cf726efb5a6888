"""The processes that stand beside each other: what each takes of memory, and what systemd thinks of each one's sandbox.

    python -m benchmarks.device.processes

Memory: `cry-monitor run` hears half a minute of a made-up cry, `bridge` tells a web hook of it and looks for a broker,
`serve` has a live page and a report open; what is resident then, and at most. Exposure: `systemd-analyze security` of
each unit as it ships.
"""

from __future__ import annotations

import http.server
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.lib.record import record
from edge.frames import SAMPLE_RATE
from edge.synthesis import infant_cry
from edge.synthesis.signals import to_level

UNITS = Path(__file__).resolve().parents[2] / "systemd"
SECONDS = 30
ALL_MB, HEARING_MB = 200.0, 120.0
MOST_EXPOSURE = 2.0
MEANS = {
    "cry-monitor.service": "hears; no network",
    "cry-monitor-bridge.service": "tells others; no sound",
    "cry-monitor-serve.service": "the page; no sound",
    "cry-monitor-camera@.service": "asks one camera for its sound; no disk",
}


def main() -> None:
    """Measure, ask, record."""
    memory, exposure = resident(), exposures()
    together = sum(row["mb"] for row in memory)
    hearing = next(row["most_mb"] for row in memory if row["process"] == "run")
    lines = [
        "| process | MB resident | at most |",
        "|---|---|---|",
        *(f"| `cry-monitor {row['process']}` | {row['mb']:.0f} | {row['most_mb']:.0f} |" for row in memory),
        f"| together, of {ALL_MB:.0f} | {together:.0f} | {sum(row['most_mb'] for row in memory):.0f} |",
        "",
        f"Hearing alone takes {hearing:.0f} MB at most, of {HEARING_MB:.0f}.",
        "",
        f"| unit | what it is | exposure of 10, by `systemd-analyze security`; the bar is {MOST_EXPOSURE:g} |",
        "|---|---|---|",
        *(f"| `{row['unit']}` | {row['what']} | {row['exposure']} |" for row in exposure),
    ]
    record("processes", {"memory": memory, "together_mb": together, "units": exposure}, "\n".join(lines))


def resident() -> list[dict[str, Any]]:
    """Memory of the three at work."""
    with tempfile.TemporaryDirectory(prefix="processes-") as folder, Hook() as hook:
        config = Path(folder) / "cry-monitor.toml"
        config.write_text(
            f'[audio]\nsource = "-"\n[store]\npath = "{folder}/events.db"\n[socket]\npath = "{folder}/s"\n'
            f'[push]\nwebhook = "{hook.url}"\n[mqtt]\nbroker = "mqtt://127.0.0.1:1"\n'
        )
        processes: dict[str, subprocess.Popen[bytes]] = {}
        try:
            run = processes["run"] = started("run", config, stdin=subprocess.PIPE)
            wait_for(run, b"READY")
            bridge = processes["bridge"] = started("bridge", config)
            wait_for(bridge, b"telling")
            serve = processes["serve"] = started("serve", config, "--port", "0")
            port = re.search(rb":(\d+)/", wait_for(serve, b"READY"))
            assert port and run.stdin
            page = f"http://127.0.0.1:{port[1].decode()}"
            stream = urllib.request.urlopen(f"{page}/stream", timeout=60)
            play(run.stdin)
            urllib.request.urlopen(f"{page}/report", timeout=60).read()
            assert hook.told, "the cry was not told"
            found = [memory_of(name, process.pid) for name, process in processes.items()]
            stream.close()
            return found
        finally:
            for process in reversed(list(processes.values())):
                process.terminate()
                process.wait()


class Hook:
    """A web hook of this machine; told: whether it was called."""

    def __enter__(self) -> Hook:
        hook, self.told = self, False

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                hook.told = True
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()


def started(command: str, config: Path, *more: str, stdin: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """One of the processes."""
    words = [sys.executable, "-m", "edge.commands.main", command, "--config", str(config), *more]
    return subprocess.Popen(words, stdin=stdin, stderr=subprocess.PIPE)


def wait_for(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    """The line of its log that holds the text; the rest is read on, so that it never waits for a reader."""
    assert process.stderr
    for line in process.stderr:
        if text in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return line
    raise SystemExit(f"{text!r} was never logged")


def play(pipe: Any) -> None:
    """A cry in faint noise, at the pace of the clock."""
    random = np.random.default_rng(0)
    samples = to_level(random.normal(size=SECONDS * SAMPLE_RATE), -60.0)
    cry = to_level(infant_cry(15.0, random).samples, -25.0)
    samples[5 * SAMPLE_RATE :][: len(cry)] += cry
    pcm = np.round(32767 * np.clip(samples, -1, 1)).astype("<i2")
    began = time.monotonic()
    for number, block in enumerate(np.array_split(pcm, SECONDS * 5)):
        pipe.write(block.tobytes())
        pipe.flush()
        time.sleep(max(0.0, began + 0.2 * (number + 1) - time.monotonic()))


def memory_of(name: str, pid: int) -> dict[str, Any]:
    """MB of a process, its children with it."""
    pids = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    status = [Path(f"/proc/{each}/status").read_text() for each in pids]
    now, most = (sum(int(re.findall(rf"{key}:\s+(\d+)", text)[0]) for text in status) for key in ("VmRSS", "VmHWM"))
    return {"process": name, "mb": now / 1024, "most_mb": most / 1024}


def exposures() -> list[dict[str, str]]:
    """What systemd says of each unit; "unknown" without a systemd that looks at files."""
    rows = []
    for path in sorted(UNITS.glob("*.service")):
        with tempfile.TemporaryDirectory() as folder:
            text = re.sub("^ExecStart=.*$", "ExecStart=/bin/true", path.read_text(), flags=re.MULTILINE)
            unit = path.name.replace("@.", "@one.")
            (Path(folder) / unit).write_text(text)
            command = ["systemd-analyze", "security", "--offline=true", "--no-pager", unit]
            said = subprocess.run(
                command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            ).stdout
        figure = re.search(r"exposure level for \S+: ([\d.]+)", said)
        what = (
            MEANS.get(path.name)
            or next(line for line in text.splitlines() if line.startswith("Description=")).split("=")[1]
        )
        rows.append({"unit": path.name, "what": what, "exposure": figure[1] if figure else "unknown"})
    return rows


if __name__ == "__main__":
    main()
