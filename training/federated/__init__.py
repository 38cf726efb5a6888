"""Homes that learn together: each keeps its recordings, what leaves it is an update hidden among the others'.

The core is NumPy and knows neither a model nor a network:

optimisation   local steps with control variates and a proximal term, and the server's: SCAFFOLD, FedProx, FedAvg
layout         a model's trained tensors as one vector, and the fingerprint that homes and server compare
quantisation   updates as whole numbers on public scales, stochastically rounded; ring: those packed to the bit
keys           identities, agreement, derivation, the stream that masks are made of, shares of secrets
messages       what goes over the wire: signed bytes, every one bounded and looked at before use
masking        a home's side of a masked round; unmasking: the server's
plan           what all agree on; home: answers the server's messages; rounds: a round from the server's side, metered
privacy        clipping and noise of a whole home's update, and the epsilon spent
partition      which clips are whose

task           what is taught, found by name: the Transformer's adapters, the verifier's fusion; a family's own file
simulation     every home in this process; strategy, server_app, client_app: the same rounds over Flower
apart          the process in which a home trains then: no_network takes it out of the network first
command        `cry-train federate`
"""
