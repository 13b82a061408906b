"""All drills that `rung drill` holds, in the order in which they are held."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rung.oversight.audit_drills import AUDIT
from rung.oversight.control_drills import CONTROL

if TYPE_CHECKING:
    from rung.oversight.drill import Rehearsal

DRILLS: Final[tuple[Rehearsal, ...]] = (*CONTROL, *AUDIT)
