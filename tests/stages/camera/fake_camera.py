"""A camera on loopback: RTSP with video and sound, the sound a WAV that is played again and again.

    /usr/bin/python3 fake_camera.py WAV PORT [--codec alaw|aac|opus] [--password PASSWORD] [--no-sound] [--no-video]

Needs Debian's gir1.2-gst-rtsp-server-1.0, python3-gi and GStreamer's plugins. The user is "baby", the stream is /cot.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

VIDEO = (
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=160,height=120,framerate=5/1 ! "
    "jpegenc ! rtpjpegpay name=pay{} pt=26"
)
SOUND = "filesrc location={} ! wavparse ! audioconvert ! identity sync=true ! audioresample ! {} name=pay{} pt={}"
CODECS = {
    "alaw": ("audio/x-raw,rate=8000,channels=1 ! alawenc ! rtppcmapay", 8),
    "aac": ("audio/x-raw,rate=16000,channels=1 ! voaacenc bitrate=48000 ! rtpmp4gpay", 97),
    "opus": ("audio/x-raw,rate=48000 ! opusenc ! rtpopuspay", 97),
}


def pipeline(arguments):
    """What the camera sends, in GStreamer's words."""
    streams = [] if arguments.no_video else [VIDEO]
    if not arguments.no_sound:
        payload, number = CODECS[arguments.codec]
        streams.append(SOUND.format(arguments.wav, payload, "{}", number))
    return "( {} )".format(" ".join(stream.format(number) for number, stream in enumerate(streams)))


def main():
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("wav")
    parser.add_argument("port")
    parser.add_argument("--codec", choices=CODECS, default="alaw")
    parser.add_argument("--password")
    parser.add_argument("--no-sound", action="store_true")
    parser.add_argument("--no-video", action="store_true")
    arguments = parser.parse_args()
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(arguments.port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(pipeline(arguments))
    factory.set_shared(True)
    if arguments.password:
        authentication, token = GstRtspServer.RTSPAuth(), GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "user")
        authentication.add_basic(GstRtspServer.RTSPAuth.make_basic("baby", arguments.password), token)
        server.set_auth(authentication)
        allowed = "user, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"
        factory.add_role_from_structure(Gst.Structure.new_from_string(allowed))
    server.get_mount_points().add_factory("/cot", factory)
    server.attach(None)
    print("rtsp://127.0.0.1:{}/cot".format(arguments.port), flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
