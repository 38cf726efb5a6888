"""Sound from the network: a camera, a web stream, a microphone that sends UDP. ffmpeg fetches it.

    address.py    what `[audio] source` names, the password beside it, and what of both may be shown
    words.py      what ffmpeg says, in words for a person
    ffmpeg.py     the command line and the list on its standard input: the address is nowhere else
    stream.py     one run of ffmpeg, as messages of edge.capture: opened, samples, why it ended
    unit.py       the same through a socket, from the service cry-monitor-camera@NAME
    __main__.py   that service: the only process that has the network of the camera
    allow.py      run before it: has systemd let it reach the camera alone

A process that hears as a service has no network: there stream.py runs in the unit, and unit.py reads from it, and never
sends a byte. Depends on edge.capture.messages, edge.config and edge.credentials; never on NumPy.
"""
