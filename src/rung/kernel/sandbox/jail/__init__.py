"""What runs on the far side of the wall: it imports nothing of rung, so it runs where rung is not to be seen."""
