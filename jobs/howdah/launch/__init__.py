"""One job on any runner: options in, records out.

    script      a job's script run by itself: run_alone of the module that the job names
     └─ launch      plan file, code and files shipped, job run, failures and bad rows raised
         ├─ runners/    where its tasks run: a backend for each of mrjob's runners
         ├─ inputs      the files of the input, how they are written, how local tasks share them
         ├─ outcome     records, counts, what a task reported instead of raising it
         └─ bad_rows    bad rows as the user reads them, with file and line
    console     notices, errors as sentences, exit codes
    memory      what a task may take; files/ files by path or URI
"""
