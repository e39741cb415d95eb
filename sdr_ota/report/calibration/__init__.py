"""Calibration results as tables, plots and a page."""
