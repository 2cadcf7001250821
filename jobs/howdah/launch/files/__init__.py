"""Files by path or URI."""
