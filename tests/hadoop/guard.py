"""Stop the cluster in the folder given when standard input ends: its owner is gone then."""
from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from hadoop.cluster import Cluster

if __name__ == "__main__":
    sys.stdin.buffer.read()
    Cluster(sys.argv[1]).stop()
