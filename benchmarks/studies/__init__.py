"""The studies of the three papers: causes, the Transformer, pitch."""
