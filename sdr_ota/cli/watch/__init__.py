"""`sdr-ota watch`: a run in a browser page."""
