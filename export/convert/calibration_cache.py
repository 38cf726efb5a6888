"""TensorRT's calibration cache: the ranges of every tensor as text, for INT8 without Q/DQ in the network."""

import struct
from collections.abc import Mapping

import numpy as np

HEADER = "TRT-8201-EntropyCalibration2"  # the TensorRT that reads it, and the kind of calibrator that returns it


def cache_text(scales: Mapping[str, np.float32]) -> str:
    """scales: int8 step by tensor name. One line per tensor, "name: hexadecimal digits of the float32"."""
    lines = [f"{name}: {struct.pack('>f', scale).hex()}" for name, scale in scales.items()]
    return "\n".join([HEADER, *lines]) + "\n"
