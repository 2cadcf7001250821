"""Where every job's script begins: a task runs, anything else is launched."""

from __future__ import annotations

import sys
from typing import NoReturn

from howdah.errors import OK


def run(job_class) -> NoReturn:
    """Entry point of a script, on the user's machine and in every task."""
    job = job_class()
    if job.is_task():
        job.execute()
        sys.exit(OK)
    # Workers get no launcher.
    from howdah.launch.script import main

    sys.exit(main(job))
