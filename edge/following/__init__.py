"""The other end of the local socket: what programs beside the monitor know of it.

    sources.py   which monitors there are, and where their sockets are
    reader.py    one socket, read again and again on a thread of its own
    sensors.py   what the messages come to: hearing, crying, loud, level, ...
    live.py      all of it, twice a second, for whoever looks

The bridge, the page and the terminal view are made of these. Depends on edge.sinks.client and edge.config.
"""
