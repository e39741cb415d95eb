"""`sdr-ota report`: what a run amounts to, as a table and as a page."""
