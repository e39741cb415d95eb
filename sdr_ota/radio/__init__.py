"""Radios behind one narrow protocol; simulated ones are a back-end like the others."""
