"""The live page of a run: its state as JSON, and the server that shows it."""
