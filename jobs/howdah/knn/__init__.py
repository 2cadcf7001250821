"""Nearest neighbours on arrays: one batch of queries against an index that lies in memory.

Neighbours are exact and the same to the last bit whatever finds them: a search names candidates and
proves that it missed none, distances are measured again in float64 and ties go by position. Only an
approximate index may miss some; how many is told from a sample of queries. Nothing here knows of
jobs, and all modules import NumPy alone at their top.

    answering   Answering: a batch -> lines of output      request   what is asked of every query
      ├─► exclusions  what a query leaves out: itself, listed points, its own items
      ├─► index       Index: opened, saved                 description   read without opening it
      │     └─► neighbors   Neighbors, Answers: candidates, proved, measured, ordered
      │           ├─► search   Search: nearest / proves / within
      │           │     ├── brute         products in float32, bounds for what rounding hides
      │           │     ├── trees         scikit-learn's kd_tree and ball_tree
      │           │     └── approximate   Annoy, FAISS
      │           └─► distances   of single pairs, in the order of the columns
      │     checks   a file's blocks, when they are first touched     names   ids and classes
      ├─► votes       labels and means of neighbours
      └─► recall      of approximate answers: sampled, summed up, told
"""
