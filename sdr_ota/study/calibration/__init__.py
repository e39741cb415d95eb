"""A calibration survey of a bench, live or from recorded captures."""
