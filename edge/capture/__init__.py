"""The small process that reads the microphone, so that whatever hangs in the sound system can be killed.

`__main__.py` is that process: it opens a device, reads it with blocking calls (callbacks cannot be made under
systemd's MemoryDenyWriteExecute) and sends what it hears through an anonymous pipe: samples are never in a
file. `process.py` starts and kills it, `messages.py` is what passes through the pipe, `devices.py` the
microphones there are, `stable_ids.py` what they are called for good, `sound_server.py` notices that a sound
server moved the stream elsewhere.

Depends on edge.errors and edge.runtime.private_memory only, and never on NumPy: the process must start quickly on a
slow board.
"""
