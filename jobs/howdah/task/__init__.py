"""What a map or reduce task is."""
