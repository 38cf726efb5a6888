"""A network that learnt something else first: spoken words, or which two sounds are one, before it learns labels.

contrast.py pretrains without labels (NT-Xent), supervised.py with labels, from the start or from a pretrained network
whose last layer is replaced, head first, then everything; settings.py says how. After the medical audio thesis, which
transfers res8 from words to cries.
"""
