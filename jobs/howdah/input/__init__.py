"""Bytes to batches."""
