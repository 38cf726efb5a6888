"""How good the tests themselves are."""
