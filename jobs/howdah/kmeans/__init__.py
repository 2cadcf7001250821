"""k-means on arrays: one scan of the data, and what it says. No job and no file is known here.

A batch of rows goes onto the grid, where sums are exact: whatever the splits, results have the same
bits. Arrays and random generators are passed in; records are dicts of numbers and arrays.

    scans: what a mapper calls, and a run over arrays in memory

    sample_scan                            round_scan

    moments -> profile -> grid (Space) --> points          centroids
                                             |                 |
    coreset -> priority_sample               +--> classify <---+    with distances (of single pairs)
        |                                           |               and bounds (is a scan spared?)
        +-> seeds, by the launcher                  v
                                           sums, farthest -> recentre, by the reducer

`records` has what the sample scan sends; howdah.lengths is the plain NumPy that several need.
"""
