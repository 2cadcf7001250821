"""k-NN from the user's side: an index is built here, queries are answered by a job.

What cannot be served is refused before anything is written or submitted: by the build for its
points, for queries by the description of the index, its last kilobyte, wherever the file lies.

    jobs/knn_index.py ──► build      points to an index: read, check, fit, save ──► knn/index
    jobs/knn.py ────────► queries    the plan of a k-NN job; what its tasks counted ──► launch
"""
