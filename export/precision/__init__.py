"""Precision by layer: what each costs when it alone is lowered, and which are best left in float."""
