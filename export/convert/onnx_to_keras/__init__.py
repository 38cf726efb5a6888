"""An ONNX network as a Keras model of one layer, which TensorFlow's converter makes TFLite of.

tensor.py                                       a tensor, and in which order its axes are held
node.py                                         a node: attributes and inputs
elementwise, spatial, shapes, products, recurrent  the operators, by what they do
graph.py                                        node after node, and the Keras model around them
"""

from export.convert.keras_graph import import_keras

import_keras()  # it loads TensorFlow, which says much, where nobody hears it

from export.convert.onnx_to_keras.graph import onnx_to_keras  # noqa: E402

__all__ = ["onnx_to_keras"]
