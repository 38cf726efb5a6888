"""The connection to an MQTT broker. What stands in the topics is kept here and sent whole at every connection; nothing
is queued while there is none."""

import ssl
import sys
import threading
from contextlib import suppress
from typing import Callable, Dict, Optional
from urllib.parse import urlsplit

from edge.bridge.home_assistant import ALIVE, NOT_ALIVE, Topic
from edge.bridge.words import words_of
from edge.errors import UserError
from edge.log import log

PORTS = {"mqtt": 1883, "mqtts": 8883}
KEEPALIVE_S = 20
MOST_IN_FLIGHT = 20
WRONG_PASSWORD = "the user name or the password is wrong, or it may not connect"
REFUSALS = {
    4: WRONG_PASSWORD,
    5: WRONG_PASSWORD,
    134: WRONG_PASSWORD,
    135: WRONG_PASSWORD,
}


class Broker(object):
    """A connection that comes back by itself. trouble: why there is none, in words; empty while there is."""

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        ca_file: str,
        client_id: str,
        availability: str,
        births: Optional[str] = None,
        commands: str = "",
        on_command: Callable[[str, bytes], None] = lambda topic, payload: None,
    ):
        """availability: topic of the last will. births: topic where Home Assistant says that it has started.

        commands: topic filter that on_command(topic, payload) is called for, on paho's own thread.
        """
        self.destination, self._host, self._port, is_tls = parsed(url)
        self.trouble = "not connected yet"
        self._availability = availability
        self._births, self._commands, self._on_command = births, commands, on_command
        self._kept: Dict[str, Topic] = {}
        self._lock = threading.Lock()
        self.is_connected = False
        self._client = self._make_client(client_id, user, password, ca_file if is_tls else None, is_tls)

    def start(self) -> None:
        """Connect, now or whenever it becomes possible; returns at once."""
        self._client.connect_async(self._host, self._port, KEEPALIVE_S)
        self._client.loop_start()

    def keep(self, topic: Topic) -> None:
        """This stands in the topic from now on; sent if it is another payload than before."""
        with self._lock:
            if self._kept.get(topic.topic) == topic:
                return
            self._kept[topic.topic] = topic
        self.tell(topic)

    def tell(self, topic: Topic) -> bool:
        """Send it now, or not at all; whether it was sent."""
        if not self.is_connected:
            return False
        self._client.publish(topic.topic, topic.payload, qos=1 if topic.retain else 0, retain=topic.retain)
        return True

    def repeat(self, topic: str) -> None:
        """Send once more what stands in a topic."""
        with self._lock:
            kept = self._kept.get(topic)
        if kept:
            self.tell(kept)

    def close(self) -> None:
        """Say goodbye, for the last will is only for those who cannot."""
        if self.is_connected:
            with suppress(ValueError, RuntimeError):  # the connection went in this moment: then the last will says it
                self._client.publish(self._availability, NOT_ALIVE, qos=1, retain=True).wait_for_publish(1.0)
        self._client.disconnect()
        self._client.loop_stop()

    def _make_client(self, client_id, user, password, ca_file, is_tls):
        try:
            import paho.mqtt.client as mqtt
        except ImportError:
            raise UserError("MQTT needs paho-mqtt: pip install 'paho-mqtt>=1.6.1,<3'") from None
        if hasattr(mqtt, "CallbackAPIVersion"):
            client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id)
        else:
            client = mqtt.Client(client_id)
        if user:
            client.username_pw_set(user, password or None)
        if is_tls:
            try:
                client.tls_set(ca_certs=ca_file or None, cert_reqs=ssl.CERT_REQUIRED)
            except (OSError, ValueError) as error:
                raise UserError("mqtt.ca_file {}: no certificate ({})".format(ca_file, words_of(error))) from error
        client.reconnect = _saying_certificates(client.reconnect)
        client.will_set(self._availability, NOT_ALIVE, qos=1, retain=True)
        client.reconnect_delay_set(1, 5)
        client.max_queued_messages_set(MOST_IN_FLIGHT)
        client.on_connect = self._connected
        client.on_connect_fail = self._failed
        client.on_disconnect = self._disconnected
        client.on_message = self._message
        return client

    def _connected(self, client, _userdata, _flags, reason, _properties=None):
        code = getattr(reason, "value", reason)
        if code:
            self._say("{} refuses: {}".format(self.destination, REFUSALS.get(code, reason)))
            return
        self.is_connected = True
        if self.trouble:
            log.info("connected to %s", self.destination)
        self.trouble = ""
        for topic in filter(None, (self._births, self._commands)):
            client.subscribe(topic, qos=1)
        self._send_everything()

    def _send_everything(self):
        self.tell(Topic(self._availability, ALIVE, True))
        with self._lock:
            kept = list(self._kept.values())
        for topic in kept:
            self.tell(topic)

    def _failed(self, _client, _userdata):
        error = sys.exc_info()[1]
        self._say("{}: {}".format(self.destination, words_of(error) if error else "no connection"))

    def _disconnected(self, _client, _userdata, *reasons):
        was_connected, self.is_connected = self.is_connected, False
        if was_connected:
            self._say("{}: the connection is lost".format(self.destination))

    def _message(self, _client, _userdata, message):
        if message.topic == self._births:
            if message.payload == ALIVE.encode("ascii"):
                self._send_everything()  # Home Assistant has started and knows nothing
        elif not message.retain:  # what was asked long ago would be asked again with every connection
            self._on_command(message.topic, message.payload)

    def _say(self, trouble):
        if trouble != self.trouble:
            log.warning("MQTT: %s; trying again", trouble)
        self.trouble = trouble


def _saying_certificates(reconnect):
    """reconnect() of paho, whose thread lives on when a certificate is of another name: up to Python 3.6 that is no
    OSError, and would end it without a word."""

    def saying():
        try:
            return reconnect()
        except ssl.CertificateError as error:
            if isinstance(error, OSError):
                raise
            said = ssl.SSLError("CERTIFICATE_VERIFY_FAILED")
            said.verify_message = str(error)
            raise said from error

    return saying


def parsed(url: str):
    """(url without anything secret, host, port, whether TLS) of mqtt://HOST[:PORT] or mqtts://. Raises UserError."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        parts, host, port = urlsplit(""), None, None
    if parts.scheme not in PORTS or not host or parts.path.strip("/") or any(ord(c) <= 32 for c in url):
        raise UserError("mqtt.broker is {!r}: use mqtt://HOST:1883, or mqtts://HOST:8883 for TLS".format(url))
    if parts.username or parts.password:
        raise UserError("mqtt.broker holds a user name or password: see mqtt.user and mqtt.password_file")
    port = port or PORTS[parts.scheme]
    return "{}://{}:{}".format(parts.scheme, host, port), host, port, parts.scheme == "mqtts"


def checked_prefix(key: str, prefix: str) -> str:
    """A topic that others may stand below. Raises UserError."""
    if not prefix or any(c in prefix for c in "+#$ \0") or prefix.strip("/") != prefix or "//" in prefix:
        raise UserError("{} is {!r}: use words divided by /, without +, #, $ and spaces".format(key, prefix))
    return prefix
