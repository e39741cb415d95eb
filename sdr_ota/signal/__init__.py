"""What is on the air? Sequences, pulses, frames, subcarriers, and what their parts mean."""
