"""`cry-monitor serve` as a process: TLS, the warning where the password goes in clear, refusals in one line."""

import base64
import json
import shutil
import socket
import ssl
import subprocess
import urllib.error
import urllib.request

import pytest
from daemon_process import wait_for
from patience import PATIENCE_S


@pytest.fixture
def certificate(tmp_path):
    """Of localhost, with its key in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = str(tmp_path / "page.pem")
    subprocess.check_call(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost", "-keyout", path, "-out", path + ".crt"],
        stderr=subprocess.DEVNULL,
    )
    with open(path, "a") as both, open(path + ".crt") as certificate:
        both.write(certificate.read())
    return path


@pytest.fixture
def served(start, tmp_path):
    """served(text) -> (process, port, its READY line) of a page with this [serve] section."""

    def served(text):
        (tmp_path / "password").write_text("word\n")
        path = tmp_path / "cry-monitor.toml"
        path.write_text(
            '[store]\npath = "{0}/night.db"\n[socket]\npath = "{0}/s"\n'
            '[serve]\npassword_file = "{0}/password"\n{1}'.format(tmp_path, text)
        )
        process = start("serve", "--config", path, "--port", "0")
        ready = wait_for(process, "READY")
        return process, int(ready.rstrip().rstrip("/").rpartition(":")[2]), ready

    return served


def end(process):
    process.terminate()
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0
    return err


def test_over_tls_with_a_password(served, certificate):
    process, port, ready = served('certificate_file = "{}"\n'.format(certificate))
    assert "https://127.0.0.1:{}/".format(port) in ready
    silent = socket.create_connection(("127.0.0.1", port))  # never agrees on TLS, and holds nobody up
    context = ssl.create_default_context(cafile=certificate + ".crt")
    request = urllib.request.Request("https://localhost:{}/monitors".format(port))
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(request, context=context, timeout=PATIENCE_S)
    request.add_header("Authorization", "Basic " + base64.b64encode(b"anybody:word").decode("ascii"))
    with urllib.request.urlopen(request, context=context, timeout=PATIENCE_S) as answer:
        json.loads(answer.read().decode("utf-8"))
    plain = socket.create_connection(("127.0.0.1", port))
    plain.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    plain.settimeout(PATIENCE_S)
    assert not plain.recv(100).startswith(b"HTTP")  # nothing is answered in clear
    silent.close()
    plain.close()
    assert "clear" not in end(process)


def test_without_tls_where_others_reach_it_it_warns(start, tmp_path):
    (tmp_path / "password").write_text("word\n")
    config = tmp_path / "cry-monitor.toml"
    config.write_text('[serve]\naddress = "0.0.0.0"\npassword_file = "{}/password"\n'.format(tmp_path))
    process = start("serve", "--config", config, "--port", "0")
    assert "serve.certificate_file" in wait_for(process, "in clear")
    port = int(wait_for(process, "READY").rstrip().rstrip("/").rpartition(":")[2])
    request = urllib.request.Request("http://127.0.0.1:{}/".format(port), headers={"Authorization": "Bearer word"})
    with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
    end(process)
