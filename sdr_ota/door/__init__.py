"""How is it used from Python? What stands behind the names of `sdr_ota` itself."""
