"""The version, on its own so that everything may name it."""

from __future__ import annotations

VERSION = "0.1.0"
