"""What comes in: trained models, what their model.json says, and where it all came from."""
