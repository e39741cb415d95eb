"""The step along a direction, the rules that make it, and the journal of all steps."""
