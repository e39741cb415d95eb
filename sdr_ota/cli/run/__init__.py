"""`sdr-ota run`: everything that one run joins."""
