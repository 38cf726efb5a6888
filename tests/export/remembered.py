"""Conversions that the tests of this room ask for again, of the same network and with the same settings, are done once.

What converts is looked up by what goes in: configuration, weights, calibration inputs. Errors are not remembered.
"""

import hashlib
import re

import numpy as np

AUTOMATIC = re.compile(r'"(functional|keras_tensor|sequential)(_\d+)*"')  # names that count up while Keras runs


def remember_conversions(patch):
    """patch: a MonkeyPatch of the session."""
    from export.convert import files, keras_to_tflite
    from export.precision import sensitivity

    patch.setattr(files, "keras_to_onnx", remembering(files.keras_to_onnx, lambda model: network_key(model)))
    patch.setattr(keras_to_tflite, "convert_once", remembering(keras_to_tflite.convert_once, tflite_key))
    patch.setattr(files, "layer_errors", remembering(sensitivity.layer_errors, layers_key))


def remembering(function, key_of):
    """The function, which is asked anew where its arguments have no key."""
    known = {}

    def remembered(*arguments):
        key = key_of(*arguments)
        if key is None:
            return function(*arguments)
        if key not in known:
            known[key] = function(*arguments)
        return known[key]

    return remembered


def network_key(model):
    """Of a Keras model with its weights; None of one that has no configuration, or came as ONNX."""
    try:
        described = AUTOMATIC.sub("", model.to_json())
        weights = model.get_weights()
    except Exception:  # layers of a test's own
        return None
    digest = hashlib.sha256(described.encode())
    for weight in weights:
        digest.update(np.ascontiguousarray(weight).tobytes())
    return digest.hexdigest()


def tflite_key(model, precision, feeds, operators, in_float=()):
    key = network_key(model)
    calibrated = precision in ("int8", "int16x8") and feeds
    return key and (key, precision, feeds_digest(feeds) if calibrated else "", str(operators), tuple(in_float))


def layers_key(content, layers, feeds):
    from export.precision.sensitivity import MOST_S

    return hashlib.sha256(content).hexdigest(), tuple(layers), feeds_digest(feeds), MOST_S


def feeds_digest(feeds):
    """Of what int8 ranges are taken from."""
    digest = hashlib.sha256()
    for feed in feeds:
        for name in sorted(feed):
            digest.update(name.encode() + np.ascontiguousarray(feed[name]).tobytes())
    return digest.hexdigest()
