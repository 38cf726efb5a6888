"""The host: a trained Keras model in, a bundle for the board out, with proof of what precision cost.

command.py -> exporter.py, top to bottom: source_model (description), calibration, temperature; proving: convert
(keras_to_tflite, keras_to_onnx with rewrites and onnx_fold, tensorrt_lint, onnx_fp16, onnx_int8 with activation_ranges,
calibration_cache) and measure (parity, denoising, metrics, half_steps); report (plot); bundle_writer. What each kind of
model is judged on: detector_evidence (calibration), denoiser_evidence and frame_expert_evidence (frame_material),
expert_evidence (made_up). targets.py is the table of what there is. Depends on edge; nothing in edge depends on it.
Custom layers are found through Keras registration only.
"""
