"""mrjob's runners as the launcher needs them, each behind a backend.

    backend     Backend: its files, its scratch folder, its jobs' settings, its tasks' memory
     ├─ local       inline and local: tasks read parts of this machine's files
     ├─ hadoop      Streaming on one's own cluster
     │   └─ emr         on Amazon's
     └─ spark
    shipping    the code that tasks need, as zip files; streaming: a job as one printed command

Nobody else asks for a runner's name.
"""
