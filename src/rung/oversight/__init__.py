"""Oversight: what a person has said may be done, who may say more, and how it is stopped; read from the ledger."""
