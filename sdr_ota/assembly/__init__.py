"""How is it put together? From a config to radios, learning, privacy and a run."""
