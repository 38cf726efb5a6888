"""NumPy signal processing, batch and streaming from one code path. Depends on nothing else in edge."""
