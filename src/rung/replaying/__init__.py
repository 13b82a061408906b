"""Executes a recorded run again and says whether it comes to the same ledger head."""
