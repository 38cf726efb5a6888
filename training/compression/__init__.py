"""A trained model made smaller: its kernels become tensor trains, and it learns again to answer as it did.

tensorised.py exchanges layers, material.py makes network input of recordings as a model's model.json asks for it,
imitation.py teaches the small model what the large one says, compressed.py is the whole, from source model to source
model. After the medical audio thesis. Whether it pays is benchmarks.studies.compression's to say.
"""
