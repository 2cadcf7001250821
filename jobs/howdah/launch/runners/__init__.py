"""mrjob's runners as the launcher needs them, each behind a backend.

A backend answers what everybody else asks: which files its tasks see, which settings a job needs
there, how much memory a task has. Nobody else asks for a runner's name. Beside the backends of
Hadoop, EMR and Spark stand runners of ours: mrjob's, with fewer JVMs and fewer words.

    launch ──► backend     Backend; Cluster, for all but local ones; RUNNERS, which -r has which
                 ├── local     inline and local: tasks read parts of this machine's files
                 ├── hadoop    Hadoop Streaming on one's own cluster
                 │    └── emr       the same on Amazon's
                 └── spark     Spark, on this machine or on YARN

    yarn       applications: found by tag, waited for, killed      causes   why a job failed
    hadoop_runner   one job through its client and its application
    shipping   the code that tasks need, as zip files      streaming   a job as one printed command
"""
