"""What can go wrong between the engine and a model.

RungError
└── ModelError          a call that gave no answer; `in_doubt` says whether it may have been billed all the same
    ├── Unavailable     down, busy or too slow: the broker tries again
    ├── Refused         a wrong key, a wrong name, a request it will never take: trying again cannot help
    ├── Malformed       an answer that does not speak the protocol
    ├── Overspent       more was reported than had been reserved: the broker stops
    └── NotRecorded     a replay was asked for an answer that it does not hold
"""

from __future__ import annotations

from rung.errors import RungError


class ModelError(RungError):
    """A call that gave no answer.

    in_doubt: it may have been billed, so the broker charges the worst case.
    """

    def __init__(self, message: str, *, in_doubt: bool = False) -> None:
        super().__init__(message)
        self.in_doubt = in_doubt


class Unavailable(ModelError):
    """Down, busy or too slow; it may work later.

    retry_after: seconds that the endpoint asked to wait, None when it did not say.
    """

    def __init__(self, message: str, *, in_doubt: bool = False, retry_after: float | None = None) -> None:
        super().__init__(message, in_doubt=in_doubt)
        self.retry_after = retry_after


class Refused(ModelError):
    """The endpoint will not take this request, however often it is asked."""


class Malformed(ModelError):
    """What came back is no answer of the protocol."""


class Overspent(ModelError):
    """A model reported more than the worst case that was reserved for it; what it reported was charged."""


class NotRecorded(ModelError):
    """A replay does not hold the answer, and a replay never asks a live model."""
