"""k-means on arrays: one scan."""
