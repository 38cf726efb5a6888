"""What differs between kinds of models: their evidence, inputs and bounds."""
