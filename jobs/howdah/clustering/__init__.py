"""A whole k-means run: a sample scan, seeds, rounds until a rule stops them, a model.

The run itself is a function of Python values. It sees its data through `scans` alone, which jobs or
arrays in memory answer with the same bits, and tells what happens to a callable: printing, folders
and exit codes stand outside of it.

    driver.py ──► command    prints, writes, ends with an exit code
                   ├──► clustering   cluster(scans, settings, told): the run
                   │     ├──► scans       what it asks of its data, by jobs; array_scans of arrays
                   │     │     └──► sampling, rounds    plans of the two scans, and their records
                   │     ├──► seeds       starts from the sample; split_merge makes them better
                   │     ├──► converge    rounds until a rule stops them; knows a callable alone
                   │     └──► choose_k    several numbers of clusters side by side
                   ├──► run_folder   the folder while this driver has it (running), anew or gone on
                   │     ├──► journal     the steps that are done, so that none is done twice
                   │     └──► output      the results
                   │           └──► models, profiles, centroid_files    written, and read again
                   ├──► report       what the user is told
                   ├──► assigning    labels by a model
                   └──► estimate     what a run will cost, by head and memory_laws

By themselves, kmeans_sample, kmeans_round and kmeans_assign have their plans from sampling, rounds
and assigning. memory_laws refuses what cannot fit a task before anything is submitted.
"""
