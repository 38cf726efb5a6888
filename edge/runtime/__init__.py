"""The process that runs for months: the daemon, its listening loop, the microphone's state, systemd, memory."""
