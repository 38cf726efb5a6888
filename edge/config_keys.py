"""Every key of the configuration, its default, unit and range: the only place where a key is described."""

from typing import Any, NamedTuple


class Key(NamedTuple):
    """One key of the file. Numbers have low and high, text may have a pattern; both are inclusive."""

    section: str
    name: str
    default: Any  # its type is the key's type: bool, int, float or str
    valid: str  # what a person reads: unit and range
    comment: str
    low: float = 0.0
    high: float = 0.0
    pattern: str = ""


def number(section, name, default, low, high, unit, comment):
    valid = "{:g} to {:g}{}".format(low, high, " " + unit if unit else "")
    return Key(section, name, default, valid, comment, low=low, high=high)


SECTIONS = {
    "audio": "Where the sound comes from.",
    "detector": "What listens to it.",
    "gate": "Sound too quiet to be a cry is not shown to the detector.",
    "decision": "When frames become a crying episode.",
    "infant": "How like the infant of this home a cry sounds. What that is told by is biometric, and stays here.",
    "store": "The database of events. Sound is never written.",
    "learn": "What this home keeps to teach the models with other homes (docs/researcher/federation.md).",
    "socket": "Who else on this machine is told: bridge, page and terminal view read it.",
    "budget": "What counts as too slow.",
    "bridge": "cry-monitor bridge: a process beside the monitor that has a network and tells others.",
    "mqtt": "Home Assistant, or whoever listens to an MQTT broker.",
    "push": "A phone, a web hook, a command. No address is built in.",
    "heartbeat": "A dead man's switch: asked while frames are processed, so that its silence is the alarm.",
    "loudness": "A second sensor, of level alone, whatever the sound is.",
    "serve": "cry-monitor serve: the page.",
}

KEYS = (
    Key(
        "audio",
        "source",
        "mic",
        "mic, mic:NAME, rtsp://, rtsps://, http://, https:// or udp://..., file:PATH or -",
        "Default microphone, a microphone by name (`cry-monitor devices`), a camera\n"
        "(rtsp://USER@HOST/PATH, without its password) or another sender of the network, a recording, or PCM on stdin.",
        pattern=r"mic|mic:.+|(?i:rtsps?|https?|udp)://.+|file:.+|-",
    ),
    Key(
        "audio",
        "password_file",
        "",
        "a file, or empty",
        "The camera's password is its first line. The service has it from /etc/cry-monitor/NAME.password,\n"
        "NAME being that of this file, and only for the process that has the network.",
    ),
    number(
        "audio",
        "raw_rate_hz",
        0,
        0,
        192000,
        "Hz",
        "By udp:// come raw 16-bit mono samples at this rate; 0 lets ffmpeg find out what comes.",
    ),
    Key(
        "detector",
        "bundle",
        "",
        "a directory, or empty",
        "Directory of the models; empty is the bundle that ships with cry-monitor.",
    ),
    number("detector", "threads", 1, 1, 16, "threads", "Threads of the inference engine."),
    Key("gate", "enabled", True, "true or false", "false shows every frame to the detector."),
    number("gate", "margin_db", 3.0, 0, 30, "dB", "How far above the room's own noise a sound must be."),
    number("gate", "floor_dbfs", -70.0, -120, 0, "dBFS", "The lowest level that is ever analysed."),
    Key(
        "decision",
        "sensitivity",
        "normal",
        "low, normal or high",
        "How soon a sound counts as crying: high hears more cries and raises more false alarms.\n"
        "`cry-monitor doctor` says what each came to on recordings that the models had not heard.",
        pattern="low|normal|high",
    ),
    number(
        "decision",
        "open_threshold",
        0.0,
        0,
        1,
        "",
        "Smoothed cry probability at which an episode opens; 0 is the sensitivity's.",
    ),
    number(
        "decision",
        "close_threshold",
        0.0,
        0,
        1,
        "",
        "Smoothed cry probability below which it closes; 0 is the sensitivity's.",
    ),
    number(
        "decision",
        "lasting_threshold",
        0.0,
        0,
        1,
        "",
        "Mean cry probability over lasting_s at which an episode opens too; 0 is the sensitivity's, 1 is never.",
    ),
    number("decision", "lasting_s", 8.0, 1, 60, "s", "How long a less sure cry must last to open an episode."),
    number("decision", "min_event_s", 1.0, 0, 60, "s", "Shorter events are kept as brief: they were told."),
    number("decision", "merge_gap_s", 5.0, 0, 600, "s", "Cries closer together are one event."),
    number(
        "decision",
        "smoothing_frames",
        3,
        1,
        25,
        "frames of 0.2 s",
        "The detector's probability is averaged over this many frames.",
    ),
    Key(
        "infant",
        "enabled",
        False,
        "true or false",
        "true gives events a score once an infant is enrolled (cry-monitor enrol). The bundle must hold a model\n"
        "for it: the one that ships does not.",
    ),
    Key(
        "store",
        "path",
        "",
        "a file, or empty",
        "The database; empty is events.db in the service's state directory, else in\n$XDG_STATE_HOME/cry-monitor.",
    ),
    number("store", "keep_days", 90, 1, 3650, "days", "Older rows are removed."),
    number(
        "store",
        "max_mb",
        100,
        1,
        10000,
        "MB",
        "Above this the oldest minutes are removed; events never are for their size.",
    ),
    Key(
        "learn",
        "enabled",
        False,
        "true or false",
        "true keeps, of events that are marked, the numbers that detector and verifier answered with (four for\n"
        "each answer), beside the database; until it is marked, an event's wait in memory, a day at most. Never sound.",
    ),
    number("learn", "max_episodes", 300, 1, 5000, "events", "Above this the oldest go; all go with their events."),
    number("learn", "max_mb", 1.0, 0.01, 16, "MB", "The same, of the file."),
    Key("socket", "enabled", True, "true or false", "false offers no local socket."),
    Key(
        "socket",
        "path",
        "",
        "a path of at most 107 bytes, or empty",
        "Empty is the one that systemd passes to the service, else one in $RUNTIME_DIRECTORY,\n"
        "$XDG_RUNTIME_DIR/cry-monitor, or beside the database.",
    ),
    number("budget", "frame_ms", 96.0, 1, 1000, "ms", "A frame that takes longer is a missed deadline."),
    Key(
        "bridge",
        "name",
        "nursery",
        "letters, digits, _ and -",
        "Of the source, in topics and messages.",
        pattern=r"[A-Za-z0-9_-]{1,64}",
    ),
    Key(
        "bridge",
        "sources",
        "",
        "names divided by commas, NAME of cry-monitor@NAME or NAME=SOCKET; or empty",
        "Several monitors on this machine; empty is the one of [socket].",
    ),
    Key(
        "bridge",
        "allow_pause",
        False,
        "true or false",
        "Whoever may publish at the broker may pause the hearing, for at most two hours.",
    ),
    Key("mqtt", "broker", "", "mqtt://HOST:PORT, mqtts://HOST:PORT for TLS, or empty", "The broker; empty is none."),
    Key("mqtt", "user", "", "text, or empty", "User name at the broker."),
    Key(
        "mqtt",
        "password_file",
        "",
        "a file, or empty",
        "The password is its first line; it may be a credential of the service.",
    ),
    Key("mqtt", "ca_file", "", "a file, or empty", "Certificates to trust; empty is the system's."),
    Key("mqtt", "prefix", "cry-monitor", "a topic", "Topics begin with it."),
    Key("mqtt", "discovery_prefix", "homeassistant", "a topic", "Where Home Assistant looks for devices."),
    Key(
        "push",
        "ntfy",
        "",
        "https://SERVER/TOPIC, or empty",
        "On a public server, whoever guesses the topic can read it.",
    ),
    Key("push", "ntfy_token_file", "", "a file, or empty", "Access token of the ntfy server."),
    Key("push", "pushover_user_file", "", "a file, or empty", "Pushover's user key."),
    Key("push", "pushover_token_file", "", "a file, or empty", "Pushover's application token."),
    Key(
        "push",
        "pushover_url",
        "https://api.pushover.net/1/messages.json",
        "an address",
        "Pushover, or what stands in for it.",
    ),
    Key("push", "webhook", "", "http:// or https://, or empty", "Gets a POST of one JSON object for each message."),
    Key("push", "webhook_token_file", "", "a file, or empty", "Sent as a Bearer token."),
    Key(
        "push",
        "command",
        "",
        "a program and its arguments, or empty",
        "Called without a shell; kind, title and text are its last arguments.",
    ),
    number("push", "min_length_s", 0.0, 0, 600, "s", "A cry must last so long to be told."),
    number("push", "min_gap_s", 60.0, 0, 3600, "s", "At least so long between two cries that are told."),
    number("push", "repeat_s", 0.0, 0, 3600, "s", "Told again, more urgently, while a cry goes on; 0 is never."),
    number(
        "push", "deaf_after_s", 15.0, 1, 3600, "s", "The monitor has not heard for so long: told whatever the hour."
    ),
    Key("push", "quiet_from", "", "22:30, or empty", "Quiet hours, local time: no cry is told."),
    Key("push", "quiet_to", "", "06:00, or empty", "Their end."),
    Key("push", "tell_end", False, "true or false", "Told too when a cry is over, and how long it was."),
    Key("push", "tell_name", False, "true or false", "Messages name the source."),
    Key(
        "push", "tell_cause", False, "true or false", "With tell_end: what the cry was like, where that could be told."
    ),
    Key("heartbeat", "url", "", "http:// or https://, or empty", "Asked (GET) while every monitor processes frames."),
    number("heartbeat", "every_s", 60.0, 5, 3600, "s", "How often."),
    Key("loudness", "enabled", False, "true or false", "The sensor."),
    number("loudness", "threshold_dbfs", -30.0, -120, 0, "dBFS", "A sound is loud from here on."),
    number("loudness", "for_s", 2.0, 0, 60, "s", "For so long."),
    Key("loudness", "push", False, "true or false", "Loudness is told to people too."),
    Key(
        "serve",
        "address",
        "127.0.0.1",
        "an address of this machine",
        "Where the page is; any but this machine's own needs a password.",
    ),
    number("serve", "port", 8137, 1, 65535, "", "Its port."),
    Key(
        "serve",
        "names",
        "",
        "names divided by commas, or empty",
        "Other names that the page is asked for by, as monitor.local.",
    ),
    Key(
        "serve",
        "password_file",
        "",
        "a file, or empty",
        "The password is its first line; a browser asks for it, any user name will do.",
    ),
    Key("serve", "certificate_file", "", "a file, or empty", "Certificate in PEM: the page speaks TLS."),
    Key("serve", "key_file", "", "a file, or empty", "Its key, where it is not in the same file."),
)
