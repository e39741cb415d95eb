"""What grcc makes of the flowgraphs; never edited by hand."""
