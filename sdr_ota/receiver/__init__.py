"""What was received? From samples to an aligned payload, or to a reason why there is none."""
