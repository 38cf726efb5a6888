"""The detector: material, sampling, model, fitting, release."""
