"""One job on any runner: options and a plan in, records out. No worker gets any of it.

What is particular to a runner is its backend's, what is particular to a place of files its file
system's; here is what all launches have in common. The plan comes from above: the module that a
job names (LAUNCHER) makes it and prints what the job gave.

    entry ──► script ──► run_alone of the job's LAUNCHER ──► run_or_print ─┐
                                                                           ▼
    clustering ────────────────────────────────────────────────────────► launch
                ┌────────────┬────────────┬───────────┬────────────────────┘
                ▼            ▼            ▼           ▼
            runners/      inputs       outcome     bad_rows
            where tasks   the files,   records,    as the user reads them,
            run           how written  failures    with file and line
                │            │                        │
                └────────────┴─────► files/ ◄─────────┘   by path or URI

    naming    what jobs are called     committed   whether a job's output is whole
    processes   that end with the launcher
    console   notices, errors as sentences, exit codes      memory   what a task may take
    input_files   whether the input is still what it was
"""
