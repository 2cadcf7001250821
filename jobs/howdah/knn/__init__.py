"""Nearest neighbours on arrays: one batch of queries."""
