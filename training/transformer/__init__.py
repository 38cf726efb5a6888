"""A denoiser, a convolutional tokenizer and a compact Transformer over one second of log-mel.

After the federated transformer paper (docs/references.md).
Built from keras.ops alone: trained on any backend, exported from TensorFlow. Nothing here is needed on the device.
"""
