"""Each node's path to the receiver: sounding, tracking, power control."""
