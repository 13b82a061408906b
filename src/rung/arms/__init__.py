"""Compute-matched arms beside the recursion: what it bought is a difference between them."""
