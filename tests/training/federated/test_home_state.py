"""A home whose every answer comes from a process of its own, an identity that nobody else reads, a roster for all."""

import datetime
import importlib.util
import ipaddress
import json
import os
import socket
import ssl
import stat
import sys
import threading
from contextlib import suppress

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from quadratics import RUN, Federation

from edge.errors import UserError
from training.command import main
from training.federated.deployment import deploy, followed
from training.federated.home import Home
from training.federated.home_state import keep_home, take_home
from training.federated.loop import kept, serve_rounds
from training.federated.roster import new_identity, read_identity, read_roster


def test_a_home_that_is_made_anew_for_each_message_answers_the_same(tmp_path):
    """As over Flower: between any two messages there is nothing but its file."""
    kept, lived = Federation(), Federation()

    def from_files(kind, messages):
        answers = {}
        for name, data in messages.items():
            before = kept.homes[name]
            home = Home(name, before.identity, kept.roster, before.learner, kept.plan, RUN)
            take_home(home, tmp_path / name)
            answers[name] = home.answer(data)
            keep_home(home, tmp_path / name)
        return answers

    kept.run_round.exchange = from_files
    for _ in range(3):
        assert kept.round().rejected == [] and lived.round().rejected == []
    assert np.array_equal(kept.state.parameters, lived.state.parameters)
    assert np.array_equal(kept.state.control, lived.state.control)
    assert stat.S_IMODE((tmp_path / "home-00").stat().st_mode) == 0o600


def test_secrets_of_a_round_do_not_outlive_it(tmp_path):
    federation = Federation()
    federation.round()
    assert all(home.member is None for home in federation.homes.values())
    keep_home(federation.homes["home-00"], tmp_path / "home")
    assert b"mask_secret" not in (tmp_path / "home").read_bytes()


def test_what_a_home_kept_of_another_federation_is_not_taken(tmp_path):
    federation = Federation()
    federation.round()
    home = federation.homes["home-00"]
    keep_home(home, tmp_path / "home")
    other = Home("home-00", home.identity, federation.roster, home.learner, federation.plan, "beef")
    take_home(other, tmp_path / "home")
    assert other.trained_in == -1 and not other.control.any()
    (tmp_path / "home").write_bytes(b"PK")
    with pytest.raises(UserError, match="is not an archive of arrays"):
        take_home(other, tmp_path / "home")


@pytest.mark.parametrize("cut_in", ["begin", "train", "survivors", "unmask"])
def test_a_server_that_is_cut_in_the_middle_of_a_round_goes_on_with_the_next(tmp_path, cut_in):
    federation = Federation(homes=4, rounds=6)

    class Cut(Exception):
        pass

    def cut(kind, messages, answers):
        if kind == cut_in and federation.homes["home-00"].trained_in >= 1:
            raise Cut
        return answers

    def serve(state, history):
        say = lambda line: None  # noqa: E731
        return serve_rounds(
            federation.run_round, state, history, lambda n: federation.homes, lambda p, n: {}, tmp_path, say
        )

    federation.meddle = cut
    with pytest.raises(Cut):
        serve(federation.state, [])
    federation.meddle = lambda kind, messages, answers: answers
    run, state, history = kept(tmp_path)
    assert run == RUN
    state, history = serve(state, history)
    assert state.round == 6 and len(state.completed) == 5
    assert all(entry["rejected"] == [] and entry["counted"] == 4 for entry in history)


def test_an_identity_is_made_once_and_is_its_owners(tmp_path, capsys):
    file = tmp_path / "identity"
    assert main(["federate", "--new-identity", str(file)]) == 0
    public = capsys.readouterr().out.strip()
    assert read_identity(file).public.hex() == public
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert main(["federate", "--new-identity", str(file)]) == 1
    assert "is there already; a home keeps its identity" in capsys.readouterr().err
    file.write_bytes(b"short")
    with pytest.raises(UserError, match="has 5 bytes, an identity has 32"):
        read_identity(file)


@pytest.mark.parametrize(
    "content",
    ['["home-a"]', '{"home-a": "xyz"}', '{"home-a": "00"}', '{"a": "%s", "b": "%s"}' % ("11" * 32, "11" * 32)],
)
def test_rosters_that_cannot_be(tmp_path, content):
    (tmp_path / "roster.json").write_text(content)
    with pytest.raises(UserError):
        read_roster(tmp_path / "roster.json")


def test_a_roster_names_every_homes_key(tmp_path):
    keys = {name: new_identity(tmp_path / name).public for name in ("home-a", "home-b")}
    (tmp_path / "roster.json").write_text(json.dumps({name: key.hex() for name, key in keys.items()}))
    assert read_roster(tmp_path / "roster.json") == keys


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        ([], "a federation needs --config FILE and --out DIR"),
        (
            ["--config", "x.toml", "--out", "out", "--engine", "deployment"],
            "needs --roster FILE and --certificate FILE",
        ),
        (["--config", "nowhere.toml", "--out", "out"], "cannot read the experiment: "),
    ],
)
def test_errors_are_one_line(flags, says, capsys):
    assert main(["federate", *flags]) == 1
    error = capsys.readouterr().err
    assert error.startswith("cry-train: error: ") and says in error and len(error.strip().splitlines()) == 1


def write_authority(folder):
    """A certificate that signs itself, for 127.0.0.1: ca.crt, ca.key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.timezone.utc)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(hours=1))
    builder = builder.not_valid_after(now + datetime.timedelta(days=1))
    here = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    builder = builder.add_extension(here, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    folder.mkdir()
    pem = serialization.Encoding.PEM
    (folder / "ca.crt").write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(pem))
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "ca.key").write_bytes(key.private_bytes(pem, *plain))


@pytest.fixture
def superlink(tmp_path):
    """HOST:PORT of what greets as a SuperLink does, with the certificate of tmp_path/right; wrong is another's."""
    for name in ("right", "wrong"):
        write_authority(tmp_path / name)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(tmp_path / "right" / "ca.crt", tmp_path / "right" / "ca.key")

    def greet():
        with suppress(OSError):  # nobody came, or left when it saw the certificate
            connection, _ = listening.accept()
            with connection:
                tls.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.parametrize(
    ("place", "certificate", "says"),
    [
        ("nowhere", "right/ca.crt", "it must be HOST:PORT"),
        ("127.0.0.1:1", "right/ca.crt", "no SuperLink answers at 127.0.0.1:1 ("),
        (None, "right/ca.crt", "Flower is not"),
        (None, "wrong/ca.crt", "is not known to"),
        (None, "right/ca.key", "holds no certificate"),
        (None, "missing.crt", "there is no certificate"),
    ],
)
def test_a_superlink_that_is_not_there_or_not_the_right_one_is_said(tmp_path, superlink, place, certificate, says):
    if says.startswith("Flower") and importlib.util.find_spec("flwr"):
        pytest.skip("Flower is installed here")
    with pytest.raises(UserError) as error:
        deploy(
            tmp_path / "x.toml", tmp_path / "roster", place or superlink, tmp_path / certificate, tmp_path / "out", 1.0
        )
    assert says in str(error.value)


def test_a_server_s_part_that_cannot_go_on_is_heard_of_at_once(tmp_path, capsys):
    """Flower's own command goes on for a minute after it."""
    failed = tmp_path / "failed.txt"
    goes_on = f"import time\nprint('round 1/2: 3 of 3 homes', flush=True)\nopen({str(failed)!r}, 'w')\ntime.sleep(600)"
    assert followed([sys.executable, "-c", goes_on], dict(os.environ), failed) == ["round 1/2: 3 of 3 homes"]
    assert capsys.readouterr().out == "round 1/2: 3 of 3 homes\n"
