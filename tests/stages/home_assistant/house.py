"""A Home Assistant that is set up already: one user, a token, the MQTT integration, no questions. What the documents
show is set up as it stands there: the card is its only dashboard, the automation rings a phone that is a file."""

import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import subprocess
import textwrap
import time
import urllib.error
import urllib.request
from pathlib import Path

MADE = "2026-01-01T00:00:00+00:00"
TOKEN_S = 315360000
USER, TOKEN = "0" * 31 + "1", "0" * 31 + "2"
STARTS_S = 150.0
ENTRY, ENTRY_2026 = (1, 2), (2, 1)  # how it keeps the integration, in versions of 2025 and from 2026 on
CONFIGURATION = """\
homeassistant:
  name: test
  latitude: 50
  longitude: 8
  elevation: 100
  unit_system: metric
  time_zone: UTC
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
logger:
  default: warning
lovelace:
  mode: yaml
automation: !include automations.yaml
command_line:
  - notify:
      name: mobile_app_phone
      command: "cat >>{phone}; echo >>{phone}"
"""
DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "parent" / "notifications.md"


def documented() -> list[str]:
    """The card and the automation, as the document shows them."""
    return re.findall(r"^```yaml\n(.*?)^```$", DOCUMENT.read_text(), re.DOTALL | re.MULTILINE)


def item(text: str, deep: int) -> str:
    """YAML as one item of a list, so many spaces deep."""
    return textwrap.indent("- " + textwrap.indent(text, "  ").lstrip(), " " * deep)


class HomeAssistant:
    """A running Home Assistant. port: of its API; broker_port: of the broker it listens to."""

    def __init__(self, folder: Path, port: int, broker_port: int):
        self.url = f"http://127.0.0.1:{port}/"
        hass = Path(os.environ["HOME_ASSISTANT"]) / "bin" / "hass"
        version = subprocess.run([hass, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        self.token = configure(folder, port, broker_port, ENTRY if version < "2026" else ENTRY_2026)
        self._phone = folder / "phone"
        self._log_path = folder / "log"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [hass, "-c", folder, "--skip-pip"], stdout=log, stderr=log, start_new_session=True
            )
        self._wait_until_it_answers()

    def close(self) -> None:
        """End it with all that it started."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def states(self) -> dict[str, dict]:
        """{entity: its state, with attributes} of everything."""
        return {state["entity_id"]: state for state in self._ask("states")}

    def state(self, entity: str) -> str | None:
        """The state of an entity; None when there is none."""
        return self.states().get(entity, {}).get("state")

    def rung(self) -> list[str]:
        """What the phone was told."""
        return self._phone.read_text().splitlines() if self._phone.exists() else []

    def call(self, service: str, entity: str) -> None:
        """As if somebody had pressed it. service: domain/name."""
        self._ask("services/" + service, {"entity_id": entity})

    def _ask(self, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": "Bearer " + self.token, "Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(self.url + "api/" + path, data, headers), timeout=30
        ) as answer:
            return json.load(answer)

    def _wait_until_it_answers(self):
        until_s = time.monotonic() + STARTS_S
        while True:
            try:
                if self._ask("config")["state"] == "RUNNING":
                    return
            except (urllib.error.URLError, OSError):
                pass
            if self._process.poll() is not None or time.monotonic() > until_s:
                self.close()
                raise RuntimeError("Home Assistant does not start: " + self._log_path.read_text()[-2000:])
            time.sleep(0.3)


def configure(folder: Path, port: int, broker_port: int, entry_version: tuple[int, int]) -> str:
    """Write all that it needs into the folder; returns a token for its API. entry_version: of what is kept of MQTT."""
    storage = folder / ".storage"
    storage.mkdir(parents=True)
    (folder / "configuration.yaml").write_text(CONFIGURATION.format(port=port, phone=folder / "phone"))
    card, automation = documented()
    (folder / "automations.yaml").write_text(item(automation, 0))
    (folder / "ui-lovelace.yaml").write_text("views:\n  - title: Home\n    cards:\n" + item(card, 6))
    key = secrets.token_hex(64)
    entry = {
        "entry_id": "01JMQTTTESTENTRY0000000000", "version": entry_version[0],
        "minor_version": entry_version[1], "domain": "mqtt", "title": "test",
        "data": {"broker": "127.0.0.1", "port": broker_port}, "options": {}, "pref_disable_new_entities": False,
        "pref_disable_polling": False, "source": "user", "unique_id": None, "disabled_by": None,
        "discovery_keys": {}, "subentries": [], "created_at": MADE, "modified_at": MADE,
    }  # fmt: skip
    user = {
        "id": USER, "group_ids": ["system-admin"], "is_owner": True, "is_active": True, "name": "test",
        "system_generated": False, "local_only": True,
    }  # fmt: skip
    token = {
        "id": TOKEN, "user_id": USER, "client_id": None, "client_name": "test", "client_icon": None,
        "token_type": "long_lived_access_token", "created_at": MADE, "access_token_expiration": float(TOKEN_S),
        "token": secrets.token_hex(64), "jwt_key": key, "last_used_at": None, "last_used_ip": None,
        "expire_at": None, "credential_id": None, "version": "2025.4.4",
    }  # fmt: skip
    groups = [
        {"id": "system-admin", "name": "Administrators"},
        {"id": "system-users", "name": "Users"},
        {"id": "system-read-only", "name": "Read Only"},
    ]
    auth = {"users": [user], "groups": groups, "credentials": [], "refresh_tokens": [token]}
    done = {"done": ["user", "core_config", "analytics", "integration"]}
    for name, version, minor, data in (
        ("core.config_entries", 1, 5, {"entries": [entry]}),
        ("auth", 1, 1, auth),
        ("onboarding", 4, 1, done),
    ):
        (storage / name).write_text(json.dumps({"version": version, "minor_version": minor, "key": name, "data": data}))
    return signed(key)


def signed(key: str) -> str:
    """A token (JWT, HS256) that stands for the one in the storage."""
    now = int(time.time()) - 60
    parts = [{"alg": "HS256", "typ": "JWT"}, {"iss": TOKEN, "iat": now, "exp": now + TOKEN_S}]
    text = ".".join(encoded(json.dumps(part).encode()) for part in parts)
    return text + "." + encoded(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest())


def encoded(content: bytes) -> str:
    """Base64 as URLs take it, without padding."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
