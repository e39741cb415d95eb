"""How is a number sent through the air? Waveforms, schemes, radios and the one loop."""
