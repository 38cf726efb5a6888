"""Keras is used as this project means it: what another project wrote into ~/.keras/keras.json changes no model."""

import os

NOWHERE = os.path.join(os.devnull, "keras")  # Keras neither finds settings there nor writes any


def ignore_keras_json() -> None:
    """Before Keras is imported. Its backend can still be named: KERAS_BACKEND=torch."""
    os.environ["KERAS_HOME"] = NOWHERE
