"""driver.py and the scripts of jobs/, installed as modules: links to where they stand.

    howdah kmeans FILE -k 10
    python -m howdah kmeans FILE -k 10
    python driver.py FILE -k 10

are the same command.
"""
