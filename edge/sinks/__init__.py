"""Who is told what is heard: the log, JSON lines on standard output, whoever reads the local socket.

`sink.py` is the interface, `fan_out.py` tells every sink and says when one fails, `log_sink.py`, `json_lines.py` and
`local_socket.py` are three of them (`readers.py`, `peers.py` and `place.py` are the socket's parts). `client.py` is the
other end of the socket: bridge, page and terminal view need nothing else. `words.py` is what a record becomes.

A sink never waits for whoever reads it and never ends the monitor: what cannot be told is dropped, counted and said.
May depend on edge.status, edge.log, edge.records and edge.line_writer, and on no other room.
"""

from edge.sinks.sink import Sink

__all__ = ["Sink"]
