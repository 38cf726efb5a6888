"""Inputs made wrong by chance, and what reads them: `targets` are tried by a `worker` that a `runner` watches."""
