"""Paths that were measured or ray-traced, read from files: one format, and readers of others."""
