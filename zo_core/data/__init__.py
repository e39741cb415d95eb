"""Examples: files, splits among clients, batches, and the built-in reviews."""
