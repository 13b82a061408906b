"""Where untrusted code runs: the strongest backend that withstands its self-test of escapes here."""

from __future__ import annotations

from rung.kernel.sandbox.choice import open_rescorer, open_sandbox
from rung.kernel.sandbox.port import Ending, Sandbox, Session

__all__ = ["Ending", "Sandbox", "Session", "open_rescorer", "open_sandbox"]
