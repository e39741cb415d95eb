"""The simulated world: paths, oscillators, noise and one clock, joined by simulated radios."""
