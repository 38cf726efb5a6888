"""What the monitor costs and survives."""
