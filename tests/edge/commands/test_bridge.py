"""`cry-monitor bridge` and `serve` beside a real monitor: a cry that it hears rings, and its end is told too."""

import json
import os
import re
import sys
import time
import urllib.request

import numpy as np
import pytest
from daemon_process import wait_for
from loud_bundle import noise_burst

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "bridge"))
from patience import PATIENCE_S
from receivers import Receiver, free_port, make_certificates, until  # noqa: E402


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture
def configured(tmp_path, loud_bundle):
    """configured(text) -> path of a configuration with this monitor's places and more."""

    def configured(text=""):
        path = tmp_path / "cry-monitor.toml"
        path.write_text(
            '[audio]\nsource = "-"\n[detector]\nbundle = "{0}"\n[store]\npath = "{1}/night.db"\n'
            '[socket]\npath = "{1}/s"\n{2}'.format(loud_bundle, tmp_path, text)
        )
        return path

    return configured


def pcm(samples):
    return (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()


def bodies(receiver):
    return [json.loads(body.decode("utf-8"))["kind"] for _, _, _, body in receiver.requests if body]


def test_a_cry_rings_within_a_second_and_a_monitor_that_is_gone_does_too(start, run, configured, receiver, tmp_path):
    config = configured(
        '[push]\nwebhook = "{0}/hook"\ncommand = "/bin/sh -c \'echo $0 $1 >> {1}/told\'"\ndeaf_after_s = 2.0\n'
        "min_gap_s = 0.0\ntell_end = true\n".format(receiver.url, tmp_path)
    )
    monitor = start("run", "--config", config)
    wait_for(monitor, "READY")
    bridge = start("bridge", "--config", config)
    wait_for(bridge, "telling")
    monitor.stdin.buffer.write(pcm(noise_burst(2, 4, 8)))
    monitor.stdin.flush()
    wait_for(monitor, "alert")
    alerted_s = time.monotonic()
    until(lambda: "cry" in bodies(receiver))
    assert time.monotonic() - alerted_s < 5.0  # a second, and what a loaded machine adds
    until(lambda: "cry_ended" in bodies(receiver))
    until(lambda: " by push.webhook" in run("live", "--once", "--config", config).out)
    monitor.kill()
    until(lambda: "deaf" in bodies(receiver))
    until(lambda: (tmp_path / "told").exists() and "deaf" in (tmp_path / "told").read_text())
    assert bodies(receiver).count("cry") == 1
    bridge.terminate()
    bridge.communicate(timeout=PATIENCE_S)
    assert bridge.returncode == 0


def test_the_test_rings_everything_once_and_says_what_each_answered(run, configured, receiver):
    config = configured('[push]\nwebhook = "{0}"\nntfy = "{0}/t"\n[heartbeat]\nurl = "{0}/beat"\n'.format(receiver.url))
    finished = run("bridge", "--test", "--config", config)
    assert (finished.status, finished.err) == (0, "")
    assert [line.split()[0] for line in finished.out.splitlines()] == ["push.ntfy", "push.webhook", "heartbeat"]
    assert finished.out.count("200 OK") == 3 and len(receiver.requests) == 3


def test_the_test_says_what_fails(run, configured):
    port = free_port()
    pytest.importorskip("paho.mqtt.client")
    config = configured(
        '[push]\nwebhook = "http://127.0.0.1:{0}"\n[mqtt]\nbroker = "mqtt://127.0.0.1:{0}"\n'.format(port)
    )
    finished = run("bridge", "--test", "--config", config)
    assert finished.status == 1
    assert len(re.findall("FAILED: .*nobody listens there", finished.out)) == 2


def test_tls_is_checked_by_name_too(run, configured, tmp_path):
    certificates = make_certificates(tmp_path)
    right, elsewhere = (Receiver(str(certificates / name)) for name in ("server", "elsewhere"))
    config = configured('[push]\nntfy = "{}/t"\nwebhook = "{}"\n'.format(right.url, elsewhere.url))
    finished = run("bridge", "--test", "--config", config, SSL_CERT_FILE=str(certificates / "ca.crt"))
    ntfy, webhook = finished.out.splitlines()
    assert (finished.status, finished.err) == (1, "") and ntfy.endswith("200 OK")
    assert "FAILED" in webhook and "certificate is not trusted" in webhook and "127.0.0.1" in webhook
    assert elsewhere.requests == []
    for one in (right, elsewhere):
        one.close()


def test_a_host_that_is_not_there_is_said(run, configured):
    config = configured(
        '[push]\nwebhook = "http://no-such-host.invalid/"\n[heartbeat]\nurl = "http://no-such-host.invalid/beat"\n'
    )
    finished = run("bridge", "--test", "--config", config)
    assert finished.status == 1 and finished.out.count("no such host") == 2


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "nobody is to be told"),
        ('[push]\nntfy = "ntfy.example/topic"\n', "push.ntfy"),
        ('[push]\nwebhook = "http://u:secret@h/"\n', "user name or password"),
        ('[push]\nwebhook = "http://h/"\nwebhook_token_file = "/nowhere"\n', "push.webhook_token_file: /nowhere"),
        ('[push]\nwebhook = "http://h/"\nquiet_from = "25:00"\n', "time of day"),
        ('[mqtt]\nbroker = "mqtt://h"\nprefix = "a/#"\n', "mqtt.prefix"),
        ('[mqtt]\nbroker = "h"\n', "mqtt.broker"),
        ('[bridge]\nsources = "x="\n[push]\nwebhook = "http://h/"\n', "NAME=SOCKET"),
        ('[heartbeat]\nurl = "x"\n', "heartbeat.url"),
    ],
)
def test_what_cannot_be_is_one_line(run_here, configured, text, said):
    pytest.importorskip("paho.mqtt.client")
    finished = run_here("bridge", "--config", configured(text))
    assert (finished.status, finished.out) == (1, "")
    assert finished.err.startswith("cry-monitor: error: ") and said in finished.err and "secret" not in finished.err
    assert finished.err.count("\n") == 1


def test_the_page_shows_what_a_real_monitor_hears(start, configured):
    config, port = configured(), free_port()
    monitor = start("run", "--config", config)
    wait_for(monitor, "READY")
    monitor.stdin.buffer.write(pcm(noise_burst(2, 4, 0)))
    monitor.stdin.flush()
    page = start("serve", "--config", config, "--port", port)
    assert "http://127.0.0.1:{}/".format(port) in wait_for(page, "READY")

    def monitors():
        with urllib.request.urlopen("http://127.0.0.1:{}/monitors".format(port)) as answer:
            return json.loads(answer.read().decode("utf-8"))

    until(lambda: [monitor for monitor in monitors() if monitor["state"] != "gone"])
    with urllib.request.urlopen("http://127.0.0.1:{}/report".format(port)) as answer:
        assert b"<main>" in answer.read()
    page.terminate()
    page.communicate(timeout=PATIENCE_S)
    assert page.returncode == 0


@pytest.mark.parametrize(
    "text, said",
    [
        ('[serve]\naddress = "0.0.0.0"\n', "serve.password_file"),
        ('[serve]\naddress = "192.0.2.1"\npassword_file = "PASSWORD"\n', "cannot listen"),
        ('[serve]\ncertificate_file = "/nowhere"\n', "/nowhere"),
    ],
)
def test_a_page_that_cannot_be_is_one_line(run_here, configured, tmp_path, text, said):
    (tmp_path / "password").write_text("word")
    finished = run_here("serve", "--config", configured(text.replace("PASSWORD", str(tmp_path / "password"))))
    assert finished.status == 1 and said in finished.err + finished.out
