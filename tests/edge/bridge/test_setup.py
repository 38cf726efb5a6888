"""From the configuration to a bridge: each key arrives, what cannot be is refused, and no secret is shown."""

import pytest
from monitor_messages import frame, status

from edge.bridge.push_rules import PushSettings
from edge.bridge.setup import bridge_of, minute_of_day, push_rules_of
from edge.config import load_settings
from edge.errors import UserError


@pytest.fixture
def settings(tmp_path):
    """settings(text) of a configuration with that text."""

    def settings(text=""):
        path = tmp_path / "bridge.toml"
        path.write_text('[bridge]\nsources = "cot=/run/cot, attic=/run/attic"\n' + text)
        return load_settings(str(path))

    return settings


def test_nothing_is_told_to_anybody_by_default(settings):
    parts = bridge_of(settings())
    assert parts.destinations() == [] and parts.broker is None and parts.heartbeat is None
    assert parts.sockets == {"cot": "/run/cot", "attic": "/run/attic"}
    assert parts.rules == PushSettings(min_length_s=0.0, min_gap_s=60.0, repeat_s=0.0, deaf_after_s=15.0)


def test_every_rule_arrives(settings):
    rules = push_rules_of(
        settings(
            "[push]\nmin_length_s = 3\nmin_gap_s = 4\nrepeat_s = 5\ndeaf_after_s = 6\nquiet_from = '22:30'\n"
            "quiet_to = '6:05'\ntell_name = true\ntell_end = true\ntell_cause = true\n"
            "[loudness]\nenabled = true\npush = true\n"
        )
    )
    assert rules == PushSettings(3.0, 4.0, 5.0, 6.0, (22 * 60 + 30, 6 * 60 + 5), True, True, True, True)


@pytest.mark.parametrize("enabled, push", [("true", "false"), ("false", "true")])
def test_loudness_is_told_where_it_is_sensed_and_that_is_asked(settings, enabled, push):
    text = "[loudness]\nenabled = {}\npush = {}\n".format(enabled, push)
    assert not push_rules_of(settings(text)).tell_loud


@pytest.mark.parametrize("text, minute", [("00:00", 0), ("0:07", 7), ("09:30", 570), ("19:05", 1145), ("23:59", 1439)])
def test_a_time_of_day(text, minute):
    assert minute_of_day("push.quiet_from", text) == minute


@pytest.mark.parametrize("text", ["", "24:00", "7", "7:5", "12:60", "-1:00", "22:30:00", " 22:30", "22.30"])
def test_what_is_no_time_of_day_is_refused(settings, text):
    with pytest.raises(UserError, match="push.quiet_to is .*: use a time of day such as 22:30, for both ends"):
        push_rules_of(settings("[push]\nquiet_from = '22:00'\nquiet_to = '{}'\n".format(text)))


def test_one_end_of_the_quiet_hours_is_none(settings):
    with pytest.raises(UserError, match="push.quiet_from is ''"):
        push_rules_of(settings("[push]\nquiet_to = '6:00'\n"))


@pytest.fixture
def secrets(tmp_path):
    for name in ("user", "token", "password"):
        (tmp_path / name).write_text("secret-of-{}\n".format(name))
    return {name: str(tmp_path / name) for name in ("user", "token", "password")}


EVERYTHING = (
    "[push]\nntfy = 'https://ntfy.example/cot'\nntfy_token_file = '{token}'\nwebhook = 'http://hook.example/x'\n"
    "webhook_token_file = '{token}'\npushover_user_file = '{user}'\npushover_token_file = '{token}'\n"
    "command = 'ring --loud'\n[mqtt]\nbroker = 'mqtt://broker.example'\nuser = 'nurse'\n"
    "password_file = '{password}'\n[heartbeat]\nurl = 'http://beat.example/1'\nevery_s = 7\n"
)


def test_every_destination_is_known_without_its_secrets(settings, secrets):
    pytest.importorskip("paho.mqtt.client")
    parts = bridge_of(settings(EVERYTHING.format(**secrets)))
    assert parts.destinations() == [
        "mqtt://broker.example:1883",
        "https://ntfy.example/cot",
        "https://api.pushover.net/1/messages.json",
        "http://hook.example/x",
        "ring",
        "http://beat.example/1",
    ]
    assert [channel.name for channel in parts.channels] == [
        "push." + n for n in ("ntfy", "pushover", "webhook", "command")
    ]
    assert "secret" not in str(parts.destinations())


@pytest.mark.parametrize("one", ["user", "token"])
def test_pushover_needs_both_of_its_secrets(settings, secrets, one):
    with pytest.raises(UserError, match="Pushover needs both"):
        bridge_of(settings("[push]\npushover_{0}_file = '{1}'\n".format(one, secrets[one])))


@pytest.mark.parametrize(
    "text, said",
    [
        ("[mqtt]\nbroker = 'mqtt://h'\nprefix = 'a/#'\n", "mqtt.prefix"),
        ("[mqtt]\nbroker = 'mqtt://h'\ndiscovery_prefix = '/a'\n", "mqtt.discovery_prefix"),
        ("[mqtt]\nbroker = 'mqtt://h'\npassword_file = '/nowhere/p'\n", "mqtt.password_file"),
        ("[heartbeat]\nurl = 'h'\n", "heartbeat.url"),
        ("[push]\nwebhook = 'http://h'\nwebhook_token_file = '/nowhere/t'\n", "push.webhook_token_file"),
    ],
)
def test_what_cannot_be_names_its_key(settings, text, said):
    with pytest.raises(UserError, match=said):
        bridge_of(settings(text))


def test_the_dead_mans_switch_is_fed_while_every_monitor_processes_frames(settings, receiver):
    """It is asked once when it begins; what it asks the house decides."""
    parts = bridge_of(settings("[heartbeat]\nurl = '{}'\nevery_s = 3600\n".format(receiver.url)))
    alive = parts.heartbeat._alive
    assert not alive()  # nothing has begun
    house = parts.start()
    try:
        assert not alive()
        for name in ("cot", "attic"):
            house.take(name, status())
            house.take(name, frame())
            assert alive() == (name == "attic")
        house.take("cot", status("lost"))
        assert not alive()
    finally:
        parts.close()
        house.close()


def test_home_assistant_may_pause_and_hears_of_loudness_only_where_that_is_said(settings, monkeypatch):
    for text, has_pause, has_loudness in (
        ("", False, False),
        ("allow_pause = true\n", True, False),
        ("[loudness]\nenabled = true\nthreshold_dbfs = -25\nfor_s = 3\n", False, True),
    ):
        house = bridge_of(settings(text)).start()
        device, loudness = house._devices["cot"], house._monitors["cot"]._loudness
        components = device._components()
        assert (("pause" in components), ("loud" in components)) == (has_pause, has_loudness)
        assert (loudness == (-25.0, 3.0)) if has_loudness else loudness is None
        assert components["cause"]["options"][1:] == ["belly_pain", "burping", "discomfort", "hungry", "tired"]
        assert device.base == "cry-monitor/cot"
        assert device.availability == "cry-monitor/bridge/cot-attic/availability"
        house.close()


def test_the_broker_is_asked_as_the_configuration_says(settings, secrets):
    pytest.importorskip("paho.mqtt.client")
    text = (
        "[mqtt]\nbroker = 'mqtt://h:1900'\nuser = 'nurse'\npassword_file = '{}'\nprefix = 'home/cry'\n"
        "discovery_prefix = 'ha'\n"
    )
    broker = bridge_of(settings(text.format(secrets["password"]))).broker
    assert (broker._host, broker._port) == ("h", 1900)
    assert (broker._births, broker._commands) == ("ha/status", "home/cry/+/set/+")
    client = broker._client
    assert (client._username, client._password) == (b"nurse", b"secret-of-password")
    assert client._client_id == b"cry-monitor-cot-attic"
    assert (client._will_topic, client._will_payload) == (b"home/cry/bridge/cot-attic/availability", b"offline")
    assert (client._will_qos, client._will_retain) == (1, True)
