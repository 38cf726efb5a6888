"""The verifier: YAMNet rebuilt in float, and the small fusion of its answer with the detector's."""
