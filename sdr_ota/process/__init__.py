"""How does a process end? Everything it opened is closed, and its children end with it."""
