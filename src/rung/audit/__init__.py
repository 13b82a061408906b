"""Auditing from outside: checkpoints of a ledger, a witness that keeps them, and verification without the engine.

`verify_alone.py` is a program in one file that nobody imports; `ed25519`, `merkle`, `note` and `witness` import nothing
of rung and travel to other machines as one archive; the other modules belong to the engine.
"""
