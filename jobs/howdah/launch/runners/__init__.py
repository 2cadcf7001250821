"""mrjob's runners as the launcher needs them."""
