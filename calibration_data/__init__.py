"""Feature tensors, never audio: what quantisation is calibrated on and what an export is checked against."""
