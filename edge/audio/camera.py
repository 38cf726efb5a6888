"""A camera, or another sender of the network, heard through ffmpeg or through the service that runs it."""

from edge.audio.captured import CapturedSource
from edge.camera.address import address_of
from edge.camera.stream import CameraStream
from edge.camera.unit import UnitStream, unit_path


class CameraSource(CapturedSource):
    """rtsp://, rtsps://, http://, https:// or udp://, at its own rate and channels.

    Under systemd the service cry-monitor-camera@NAME has the network, the password and ffmpeg; started by hand, ffmpeg
    is a child. Raises UserError: no such address, no ffmpeg, or what the camera answered, in words.
    """

    OPEN_S = 12.0  # it is given up before, by whoever runs ffmpeg: here, or in the service
    FIRST_HOP_S = 5.0
    STALL_S = 5.0  # a house's Wi-Fi holds sound back for seconds, and brings it then
    KIND = "camera"
    CHECK = "see whether it is on, and in the network"
    HANGS = "it is very slow, or sends no sound"

    def __init__(self, spec: str, password_file: str = "", raw_rate_hz: int = 0):
        path = unit_path()
        address = address_of(spec, "" if path else password_file, raw_rate_hz)
        super().__init__(UnitStream(path) if path else CameraStream(address), address.shown)
