"""Which addresses the camera's service may reach: the camera's, and who is asked for names where it has one."""

import pytest

from edge.camera.allow import allowed


@pytest.fixture
def resolver(tmp_path):
    """A resolv.conf."""
    path = tmp_path / "resolv.conf"
    path.write_text("# nameserver 9.9.9.9\nsearch house\nnameserver 192.168.1.1\nnameserver fd00::1\n")
    return str(path)


@pytest.mark.parametrize(
    "source, addresses",
    [
        ("rtsp://baby@192.168.1.20:554/cot", ["192.168.1.20"]),
        ("rtsp://[fd00::20]/cot", ["fd00::20"]),
        ("udp://192.168.1.20:5000", ["192.168.1.20"]),
        ("udp://@:5000", []),
        ("udp://0.0.0.0:5000", []),
        ("mic", []),
    ],
)
def test_a_camera_with_a_number_is_all_there_is(source, addresses, resolver):
    assert allowed(source, resolver) == addresses


def test_a_camera_with_a_name_needs_who_knows_names(resolver):
    found = allowed("rtsp://localhost/cot", resolver)
    assert set(found) - {"127.0.0.1", "::1"} == {"192.168.1.1", "fd00::1"} and len(found) > 2
