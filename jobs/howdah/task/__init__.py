"""What a map or reduce task is: a plan and lines come in, records and a report go out.

A task knows its plan and nothing else of what the user asked for. What another attempt would only
meet again, a bad row or a bug, it reports instead of failing, so that the user reads it whatever
the runner does with a task's words. The launcher has plans, records and reports from here, too.

    jobs/*.py ──► job    HowdahJob: input to batches, map_batches, reducer, report
                   ├──► plans       what the launcher decided, a dataclass for each job
                   ├──► records     what travels between steps: key TAB one line of JSON
                   ├──► reports     the names of what tasks tell beside their answers
                   ├──► mapreduce   mrjob, imported without setuptools
                   └──► malloc      freed memory is kept
"""
