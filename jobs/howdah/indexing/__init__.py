"""k-NN from the user's side."""
