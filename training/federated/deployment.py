"""Over a network, by Flower: submits the federation to a running SuperLink, and follows it.

Nothing of it calls home: Flower's telemetry and update check, and Ray's usage statistics, are off in all that is
started here; whoever starts SuperLink and SuperNodes sets the same (docs/researcher/federation.md).
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

from edge.errors import UserError, how_to_install
from edge.files import write_whole
from training.federated.loop import only_one

APP = Path(__file__).parent / "flower_app"
QUIET = {"FLWR_TELEMETRY_ENABLED": "0", "FLWR_DISABLE_UPDATE_CHECK": "1", "RAY_USAGE_STATS_ENABLED": "0"}
CONNECTION = "cry-monitor"
FAILED = "failed.txt"  # in --out, by the server's part: what it says elsewhere may come too late to be shown
CONNECT_S, POLL_S = 10.0, 0.2


def deploy(config: Path, roster: Path, superlink: str, certificate: Path, out: Path, wait_s: float) -> None:
    """Run the federation of `config` on the SuperLink, and wait for its model in out/model; all paths are its own.

    Raises UserError when there is no Flower here, no SuperLink there, or the federation cannot go on.
    """
    if not certificate.is_file():
        raise UserError(f"there is no certificate {certificate}; name the SuperLink's with --certificate")
    look_for(superlink, certificate)
    flwr = Path(sys.executable).with_name("flwr")
    if not flwr.is_file():
        raise UserError(f"Flower is not installed here: {how_to_install('flower')}")
    out.mkdir(parents=True, exist_ok=True)
    with only_one(out):  # the server's part holds it: that one may go on when this command was killed
        (out / FAILED).unlink(missing_ok=True)
    home = out / "flower"
    write_connection(home, superlink, certificate.resolve())
    values = {"federation": config.resolve(), "roster": roster.resolve(), "out": out.resolve()}
    run_config = " ".join(f"{key}={json.dumps(str(value))}" for key, value in values.items())
    command = [str(flwr), "run", str(APP), CONNECTION, "--stream", "--run-config", f"{run_config} wait-s={int(wait_s)}"]
    environment = {**os.environ, **QUIET, "FLWR_HOME": str(home.resolve())}
    said = followed(command, environment, out / FAILED)
    if (out / FAILED).is_file():
        raise UserError((out / FAILED).read_text())
    if not (out / "model" / "model.json").is_file():
        words = [line.strip("│ ") for line in said if any(letter.isalnum() for letter in line)] or ["nothing was said"]
        raise UserError(
            f"no model came of it at {superlink}: {words[-1]}; see the SuperLink's log, then go on by the same command"
        )


def look_for(superlink: str, certificate: Path) -> None:
    """Raise UserError unless something listens there that shows a certificate of this authority."""
    host, _, port = superlink.rpartition(":")
    if not host or not port.isdigit():
        raise UserError(f"--superlink is {superlink}, it must be HOST:PORT")
    host = host.strip("[]")
    try:
        trust = ssl.create_default_context(cafile=str(certificate))
    except OSError as error:  # ssl.SSLError is one
        raise UserError(f"{certificate} holds no certificate ({error}); name the authority's") from error
    try:
        with socket.create_connection((host, int(port)), timeout=CONNECT_S) as connection:
            trust.wrap_socket(connection, server_hostname=host).close()
    except ssl.SSLError as error:
        reason = getattr(error, "verify_message", "") or error.reason or error
        raise UserError(
            f"what answers at {superlink} is not known to {certificate} ({reason}); name its authority's certificate"
        ) from error
    except (OSError, OverflowError) as error:
        raise UserError(f"no SuperLink answers at {superlink} ({error}); start flower-superlink there") from error


def write_connection(home: Path, superlink: str, certificate: Path) -> None:
    """Flower's own configuration: where the SuperLink is, and which certificate it has."""
    home.mkdir(parents=True, exist_ok=True)
    lines = [
        "[superlink]",
        f'default = "{CONNECTION}"',
        f"[superlink.{CONNECTION}]",
        f"address = {json.dumps(superlink)}",
    ]
    lines.append(f"root-certificates = {json.dumps(str(certificate))}")
    write_whole(home / "config.toml", ["\n".join([*lines, ""]).encode()])


def followed(command: list[str], environment: dict[str, str], failed: Path) -> list[str]:
    """Lines that a command says, shown while it runs; it is ended once `failed` is there, of which it hears late."""
    said: list[str] = []
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL
    )

    def show() -> None:
        for line in process.stdout:
            said.append(line.rstrip("\n"))
            if line.startswith(("round ", "  ")):
                print(line, end="", flush=True)

    shown = threading.Thread(target=show)
    with process:
        shown.start()
        while shown.is_alive():
            shown.join(POLL_S)
            if failed.is_file():
                process.terminate()
                shown.join()
    return said
