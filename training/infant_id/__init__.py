"""Is it the same infant? Verification: embeddings, scores by cosine, and the equal error rate over pairs.

verification.py scores and measures, protocol.py says who is compared with whom, material.py makes frames, model.py and
fitting.py teach an embedding by telling the training's infants apart, experiment.py is the whole by folds or by a list
of pairs, release.py writes one that a device may use. After the medical audio thesis and CryCeleb. An embedding is
biometric: a device computes one only where its owner asks for it, and no model for it ships.
"""
