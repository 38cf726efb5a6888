"""The host side of learning: corpora, augmentation, models and their training. Depends on edge, never the reverse."""
