"""Random directions from a seed: the generator, its kernels, the fingerprint."""
