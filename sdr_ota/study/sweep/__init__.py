"""Many points of one experiment: what varies, running the points, their table and page."""
