"""The arms of the seed improver: each proposes children in its own way."""
