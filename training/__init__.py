"""The host side of learning. Depends on edge, never the reverse; nothing here is needed on the device.

command        `cry-train`: one line for each subcommand
data/          corpora, which clips, splits that keep groups whole, what rooms, phones and microphones do to a sound
runs/          what every training shares: configuration, folds, epochs, checkpoints, metrics, report, cost, release
layers/        Keras layers of our own, found by export through Keras' registration
detector/      is a baby crying?
causes/        what is the cry like? CNN and Legendre memory on the fused tensor
transformer/   the same by denoiser and Transformer on log-mel; stages/ has one file for each way it is taught
infant_id/     is it the same infant? embeddings, pairs, equal error rate
adaptation/    a model of one place made to work in another, without labels there
pretraining/   a network that learns words, or unlabelled sound, before labels
federated/     homes that learn together; a family's own federated.py says what they teach
compression/   a trained model made smaller by tensor trains, whatever its family
experiments/   experiments as TOML files; models/ the trained models that ship

A family of models has the same files in each folder: command, config, material (recordings to features, cached),
sampling (features to batches), model, fitting, experiment (folds and seeds), release (what ships). No family imports
another; data, runs, layers and federated import none.
"""

from edge.keras_home import ignore_keras_json

ignore_keras_json()
