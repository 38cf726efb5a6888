"""How well it hears."""
