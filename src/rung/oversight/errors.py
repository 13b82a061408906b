"""What oversight says no to, below rung's own tree.

RungError
├── NotApproved               an irreversible action was asked for, and nobody who may has signed it (yet)
└── BadInput
    └── Refused               a signed approval that does not count; the message says which of its claims is wrong
"""

from __future__ import annotations

from rung.errors import BadInput, RungError


class NotApproved(RungError):
    """An action waits for a person, or was turned down; the message says whom and what to type."""


class Refused(BadInput):
    """An approval is forged, stale, expired, used, or by or for somebody or something else."""
