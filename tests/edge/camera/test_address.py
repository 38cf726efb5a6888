"""An address is taken apart once; of what is secret in it nothing is shown, and no password may be written in it."""

import pytest

from edge.camera.address import address_of, is_address
from edge.camera.ffmpeg import arguments_of, list_of
from edge.errors import UserError
from edge.text import printable

SECRET = "pa'ss wörd/@:?#%"


@pytest.fixture
def password_file(tmp_path):
    """A file with a password that has every character that could do harm."""
    path = tmp_path / "password"
    path.write_text(SECRET + "\n", encoding="utf-8")
    return str(path)


@pytest.mark.parametrize("scheme", ["rtsp", "rtsps", "http", "https"])
def test_the_password_is_put_where_ffmpeg_needs_it_and_shown_nowhere(scheme, password_file):
    address = address_of(scheme + "://baby@192.168.1.20:554/cot?stream=1", password_file)
    assert address.shown == scheme + "://192.168.1.20:554/cot?..."
    quoted = "pa%27ss%20w%C3%B6rd%2F%40%3A%3F%23%25"
    assert address.with_password == "{}://baby:{}@192.168.1.20:554/cot?stream=1".format(scheme, quoted)
    assert quoted not in " ".join(arguments_of(address)) and SECRET not in " ".join(arguments_of(address))


def test_a_camera_that_wants_the_password_in_its_path_gets_it_there(password_file):
    address = address_of("rtsp://10.0.0.2/user=baby&password={password}&channel=1", password_file)
    assert address.shown == "rtsp://10.0.0.2/..."
    assert address.with_password.startswith("rtsp://10.0.0.2/user=baby&password=pa%27ss")


@pytest.mark.parametrize(
    "spec",
    [
        "rtsp://baby:secret@192.168.1.20/cot",
        "RTSP://baby:secret@192.168.1.20/cot",
        "http://:secret@192.168.1.20/cot",
        "udp://baby:secret@192.168.1.20:5000",
        "http://192.168.1.20/cot?user=baby&password=secret",
        "rtsp://192.168.1.20/user=baby&pwd=secret&channel=1",
    ],
)
def test_a_password_in_the_address_is_refused_with_where_it_goes(spec):
    with pytest.raises(UserError) as refused:
        address_of(spec)
    assert "secret" not in str(refused.value)
    assert "audio.password_file" in str(refused.value) and "/etc/cry-monitor/NAME.password" in str(refused.value)


@pytest.mark.parametrize(
    "spec, says",
    [
        ("rtsp:///cot", "names no camera"),
        ("rtsp://192.168.1.20:port/cot", "no address"),
        ("rtsp://[::1/cot", "no address"),
        ("rtsp://192.168.1.20/c ot", "%20"),
        ("rtsp://192.168.1.20/c'ot\nfile 'file:/etc/passwd'", "%20"),
        ("udp://", "names no camera"),
    ],
)
def test_what_is_no_address_is_one_line(spec, says):
    with pytest.raises(UserError) as refused:
        address_of(spec)
    assert says in str(refused.value) and "\n" not in str(refused.value)


def test_a_password_needs_a_user(password_file):
    with pytest.raises(UserError) as refused:
        address_of("rtsp://192.168.1.20/cot", password_file)
    assert "rtsp://USER@HOST" in str(refused.value)


@pytest.mark.parametrize("spec", ["mic", "mic:rtsp", "file:a://b", "-", "ftp://a/b", "rtsp:/a"])
def test_what_is_no_address_is_not_taken_for_one(spec):
    assert not is_address(spec)


def test_the_list_asks_for_the_sound_alone_first_and_an_old_ffmpeg_for_all():
    address = address_of("rtsp://baby@192.168.1.20/cot")
    alone, whole = (list_of(address, whole, 5).decode().splitlines() for whole in (False, True))
    assert alone[:2] == ["ffconcat version 1.0", "file 'rtsp://baby@192.168.1.20/cot'"]
    assert "option rtsp_transport tcp" in alone and "option timeout 5000000" in alone
    assert "option allowed_media_types audio" in set(alone) - set(whole)
    assert list_of(address, False, 4) == b"ffconcat version 1.0\nfile 'rtsp://baby@192.168.1.20/cot?tcp'\n"


def test_raw_samples_come_by_udp_alone():
    address = address_of("udp://@:5004", raw_rate_hz=48000)
    assert (address.shown, address.with_password) == ("udp://:5004", "udp://@:5004")
    assert "48000" in arguments_of(address)
    assert address_of("http://10.0.0.2/", raw_rate_hz=48000).raw_rate_hz == 0


@pytest.mark.parametrize(
    "text", ["rtsp://baby:secret@host/cot", "see rtsp://baby:se/cr@et@host/cot now", "['https://secret@host']"]
)
def test_whatever_is_shown_to_a_person_has_no_login_in_it(text):
    assert "secret" not in printable(text) and "se/cr@et" not in printable(text) and "host" in printable(text)
