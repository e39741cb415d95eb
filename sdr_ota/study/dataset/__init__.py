"""A labelled data set of captures: the grid, its settings, its card."""
