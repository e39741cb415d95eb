"""What the tests' collection leaves alone: a script for GNU Radio's own Python."""

collect_ignore = ["nodes_to_sum.py"]
