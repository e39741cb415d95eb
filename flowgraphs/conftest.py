"""What the tests' collection leaves alone: blocks import GNU Radio, which has its own Python."""

collect_ignore_glob = ["ota_flowgraphs/blocks/*.py", "ota_flowgraphs/generated/*.py"]
