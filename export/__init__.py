"""The host: a trained model in, a bundle for the board out, with proof of what precision cost.

    command, options -> exporter     top to bottom: load, convert, compare, write
    sources/                         .keras, .onnx, .pt2 and model.json: one model, or all of a bundle
    kinds/                           what differs between kinds of models: one file each, and registry.py
    parity/                          each file beside Keras: on which inputs, by which metrics, what replaces int8
    convert/                         one Keras network in, one file for an engine out; rewrites/ of ONNX graphs
    tensorrt_lint/                   would TensorRT import this ONNX file?
    report/                          report.json, report.html
    targets, bundle_writer, model, networks; child_process: native code that reads models, where it can crash

A new role or feature is one file in kinds/. Rooms import downwards in this order: sources, kinds, parity, convert,
tensorrt_lint. Depends on edge; nothing in edge or training is imported by name: custom layers come through Keras's
registration, graph hooks through model.json.
"""

from edge.keras_home import ignore_keras_json

ignore_keras_json()
