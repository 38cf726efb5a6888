"""What the cry is like: models on the fused tensor, and the experiments that train and judge them.

architecture.py describes a model, model.py builds it, streaming.py takes it apart for a stream. config.py reads one
experiment, material.py prepares its clips, fitting.py trains on one split of them, experiment.py runs all its splits
and report.py draws what came out.
"""
