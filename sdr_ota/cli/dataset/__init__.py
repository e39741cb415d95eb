"""`sdr-ota dataset`: superposed bursts with the sums that are true."""
