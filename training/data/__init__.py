"""Recordings: corpora, what is selected of them, how they are split, and what is done to them."""
