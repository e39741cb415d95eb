"""`sdr-ota sweep`: many runs, one table."""
