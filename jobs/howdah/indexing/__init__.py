"""k-NN from the user's side.

    build       points to an index: read, check, fit, save                  <- jobs/knn_index.py
    queries     plan of a k-NN job: index described, options checked        <- jobs/knn.py
"""
