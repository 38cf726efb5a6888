"""One Keras network in, one file for an engine out."""
