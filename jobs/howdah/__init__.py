"""Howdah: k-means and k-nearest-neighbour search as Hadoop Streaming jobs.

Workers get the rooms input, kmeans, knn and task; launch, clustering, indexing and packing are for
the user's machine, and entry tells which of the two a script runs on (docs/architecture.md).

Every script imports this first, so that a worker whose Python lacks a package says so in a
sentence, where Hadoop would only report an exit status.
"""

from __future__ import annotations

import importlib.util
import json
import sys

__version__ = "0.1.0"

TASKS = ("--mapper", "--reducer")


def require(*modules: str) -> None:
    """End the program with a sentence when a module is missing; in a task, as a record."""
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if not missing:
        return
    text = ("The Python %s (%d.%d) has no %s; build an environment with `python"
            " jobs/worker_env.py env.tar.gz` (or `howdah worker-env env.tar.gz`) and give it with"
            " --worker-env env.tar.gz, or install the packages on every node."
            % (sys.executable, *sys.version_info[:2], ", ".join(missing)))
    if not any(task in sys.argv for task in TASKS):
        raise ImportError(text)
    print("failure\t" + json.dumps({"kind": "environment", "text": text}))
    print("reporter:counter:howdah rows,failure,1", file=sys.stderr)
    # A task that leaves its input unread looks broken to Hadoop.
    while sys.stdin.buffer.read(1 << 20):
        pass
    sys.stdout.flush()
    sys.exit(0)


require("numpy", "simdjson", "pybase64")
