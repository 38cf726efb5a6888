"""A camera on loopback: RTSP with video and sound, silence but for what it is told to play.

    /usr/bin/python3 fake_camera.py PORT [--codec alaw|aac|opus] [--password PASSWORD] [--no-sound] [--no-video]

A line on its standard input names a file of raw samples, 16 bits, 16 kHz, mono, which is sent next. Needs Debian's
gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's plugins. The user is "baby", the stream is /cot.
"""

import argparse
import sys
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

VIDEO = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=120,framerate=5/1 ! "
    "jpegenc ! rtpjpegpay name=pay{} pt=26"
)
SOUND = (
    "appsrc name=sound is-live=true do-timestamp=true format=time "
    "caps=audio/x-raw,format=S16LE,rate=16000,channels=1,layout=interleaved ! audioconvert ! audioresample ! "
    "{} name=pay{} pt={}"
)
CODECS = {
    "alaw": ("audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay", 8),
    "aac": ("audio/x-raw,rate=16000,channels=1 ! voaacenc bitrate=48000 ! rtpmp4gpay", 97),
    "opus": ("audio/x-raw,rate=48000,channels=1 ! opusenc ! rtpopuspay", 97),
}
PIECE_MS = 20
PIECE_BYTES = 2 * 16 * PIECE_MS


class Sound:
    """What the microphone of the camera hears: silence, or what is played, in pieces of 20 ms, by the clock."""

    def __init__(self):
        self.playing = b""
        self._sources = []
        self._next_s = time.monotonic()
        GLib.timeout_add(PIECE_MS, self._send)

    def feed(self, media):
        """Send to this stream, too."""
        source = media.get_element().get_by_name("sound")
        if source is not None:
            self._sources.append(source)
            media.connect("unprepared", lambda _: self._sources.remove(source))

    def _send(self):
        while self._next_s <= time.monotonic():
            self._next_s += 0.001 * PIECE_MS
            piece, self.playing = self.playing[:PIECE_BYTES].ljust(PIECE_BYTES, b"\0"), self.playing[PIECE_BYTES:]
            for source in list(self._sources):
                source.emit("push-buffer", Gst.Buffer.new_wrapped(piece))  # refused until it plays
        return True


def pipeline(arguments):
    """What the camera sends, in GStreamer's words."""
    streams = [] if arguments.no_video else [VIDEO]
    if not arguments.no_sound:
        payload, number = CODECS[arguments.codec]
        streams.append(SOUND.format(payload, "{}", number))
    return "( {} )".format(" ".join(stream.format(number) for number, stream in enumerate(streams)))


def lock(server, factory, password):
    """Let in nobody but the user "baby"."""
    authentication, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "user")
    authentication.add_basic(GstRtspServer.RTSPAuth.make_basic("baby", password), token)
    server.set_auth(authentication)
    allowed = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
    factory.add_role_from_structure(Gst.Structure.new_from_string(allowed))


def play_what_is_named(sound):
    """Take a line of standard input; returns whether there may be more."""
    name = sys.stdin.readline().strip()
    if name:
        with open(name, "rb") as file:
            sound.playing += file.read()
    return bool(name)


def main():
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("port")
    parser.add_argument("--codec", choices=CODECS, default="alaw")
    parser.add_argument("--password")
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument("--no-video", action="store_true")
    arguments = parser.parse_args()
    Gst.init(None)
    server, factory, sound = GstRtspServer.RTSPServer(), GstRtspServer.RTSPMediaFactory(), Sound()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory.set_launch(pipeline(arguments))
    factory.set_shared(True)
    factory.connect("media-configure", lambda _, media: sound.feed(media))
    if arguments.password:
        lock(server, factory, arguments.password)
    server.get_mount_points().add_factory("/cot", factory)
    server.attach(None)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN, lambda *_: play_what_is_named(sound))
    print("rtsp://127.0.0.1:{}/cot".format(arguments.port), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
