"""Custom Keras layers, registered by name so that export finds them without importing training."""
