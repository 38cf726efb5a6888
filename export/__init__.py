"""The host: a trained Keras model in, a bundle for the board out, with proof of what precision cost.

command.py -> exporter.py: source_model, calibration, keras_to_tflite / keras_to_onnx, parity, report,
bundle_writer. Depends on edge; nothing in edge depends on it.
"""
