"""A whole k-means run.

    command     the driver's run: prints, writes, ends with an exit code
     └─ clustering  cluster(scans, settings, told): sample, seeds, rounds, choice
         ├─ scans       what a run asks of its data: by jobs; array_scans: of arrays in memory
         │   └─ sampling, rounds    plans of the two scans, and what their records say
         ├─ seeds       starts from the sample; split_merge makes them better
         ├─ converge    rounds until a rule stops them; knows a callable alone
         └─ choose_k    several numbers of clusters side by side
    output, models, centroid_files, profiles    what a run leaves behind, and how it is read
    assigning   labels by a saved model; estimate, head, memory_laws: what a run will cost
    report      what the user is told
"""
