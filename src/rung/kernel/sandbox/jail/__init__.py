"""Everything that runs on the far side of the wall; it imports nothing of rung, so it can run where rung is not visible."""
