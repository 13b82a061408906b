"""`python -m rung` is `rung`."""

from __future__ import annotations

import sys

from rung.cli.app import main

sys.exit(main())
