"""What is kept of a run? Records, captures, checkpoints, and reading them again."""
