"""What measurements share: recording, statistics, nights, timing side by side."""
