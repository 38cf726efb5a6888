"""Is it the same infant? Verification: embeddings, scores by cosine, and the equal error rate over pairs.

verification.py scores and measures, protocol.py says who is compared with whom, material.py makes frames, model.py and
fitting.py teach an embedding by telling the training's infants apart, experiment.py is the whole by folds or by a list
of pairs. After the medical audio thesis and CryCeleb. An embedding is biometric: these rooms are for research on
recordings that somebody holds; no device computes one.
"""
