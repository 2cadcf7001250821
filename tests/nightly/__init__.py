"""What takes too long for .ci/run: `python tests/nightly` runs it, `drawn` tells tests how much."""

from __future__ import annotations

import os


def drawn(ci: int, nightly: int) -> int:
    """How many cases a test that draws them takes: few in CI, all as a step of the nightly run."""
    return nightly if os.environ.get("HOWDAH_NIGHTLY") == "1" else ci
