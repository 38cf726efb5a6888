"""How far each exported file is from Keras, on what, and what takes the place of one that is too far."""
