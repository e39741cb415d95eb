"""Who takes part from other machines? Nodes and a receiver behind Ray, in records of bytes."""
