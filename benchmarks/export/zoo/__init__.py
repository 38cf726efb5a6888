"""Models of the kinds that people train on audio, made here: what edge-export does with each."""
