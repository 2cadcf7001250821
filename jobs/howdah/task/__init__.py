"""What a map or reduce task is.

    job       HowdahJob: input to batches, map_batches, reducer, report     <- jobs/*.py
     ├─ plans      what the launcher decided, a dataclass for each job, one JSON file
     ├─ records    what travels between steps: key TAB one line of JSON
     ├─ reports    the names of what tasks tell beside their answers
     ├─ mapreduce  mrjob, imported without setuptools
     └─ malloc     freed memory is kept
"""
