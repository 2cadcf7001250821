"""A whole k-means run."""
