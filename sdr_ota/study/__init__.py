"""What do many runs show? Comparisons, sweeps, data sets, calibration surveys."""
