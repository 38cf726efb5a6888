"""The verifier: the small fusion of YAMNet's answer with the detector's, and what ships of both."""
