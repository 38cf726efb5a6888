"""Keras on TensorFlow, chosen before anything imports it: export needs it, and the golden values do not care."""

import os

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
