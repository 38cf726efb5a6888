"""A password is the first line of a file, or a credential of the service; what is none is said, never shown."""

import os

import pytest

from edge.credentials import LONGEST_SECRET, read_secret
from edge.errors import UserError

KEY = "mqtt.password_file"


@pytest.fixture(autouse=True)
def no_service(monkeypatch):
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)


@pytest.mark.parametrize(
    "content, secret",
    [
        (b"s3cret\nsecond line\n", "s3cret"),
        (b"  s3 cret \r\n", "s3 cret"),
        ("schl\u00fcssel".encode("utf-8"), "schlüssel"),
    ],
)
def test_the_first_line_is_the_secret(tmp_path, content, secret):
    (tmp_path / "password").write_bytes(content)
    assert read_secret(KEY, str(tmp_path / "password")) == secret


def test_no_file_is_no_secret():
    assert read_secret(KEY, "") == ""


@pytest.mark.parametrize("content", [b"", b"\nsecret\n", b"   \n"])
def test_a_file_whose_first_line_is_empty_is_refused(tmp_path, content):
    (tmp_path / "password").write_bytes(content)
    with pytest.raises(UserError, match="^{}: .*password holds no password on its first line$".format(KEY)):
        read_secret(KEY, str(tmp_path / "password"))


def test_a_file_that_is_missing_or_far_too_long_is_named_with_its_key(tmp_path):
    (tmp_path / "long").write_bytes(b"x" * (LONGEST_SECRET + 1))
    for name, said in (("none", "no such file"), ("long", "MB are read of such a file")):
        with pytest.raises(UserError, match="^{}: .*{}".format(KEY, said)):
            read_secret(KEY, str(tmp_path / name))


def test_a_name_without_a_folder_is_a_credential_of_the_service(tmp_path, monkeypatch):
    (tmp_path / "password").write_text("of the service\n")
    (tmp_path / "other").write_text("of a file\n")
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert read_secret(KEY, "password") == "of the service"
    assert read_secret(KEY, os.path.join(str(tmp_path), "other")) == "of a file"
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    monkeypatch.chdir(tmp_path)
    assert read_secret(KEY, "other") == "of a file"
