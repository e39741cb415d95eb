"""Thin GNU Radio blocks around `sdr_ota`; one file each, each with a ``.block.yml`` in ``grc``."""
