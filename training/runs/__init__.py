"""What every training shares: configuration, folds, epochs, checkpoints."""
