"""`sdr-ota calibrate`: measure a bench, judge its nodes, write records that expire."""
