"""The slope of the loss along a direction, from two forward passes."""
