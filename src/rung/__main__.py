"""`python -m rung` is `rung`."""

from __future__ import annotations

import sys

from rung.cli.entry import main

sys.exit(main())
