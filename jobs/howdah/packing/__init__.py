"""Files of arrays to packed blocks."""
