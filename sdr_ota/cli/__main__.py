"""Let `python -m sdr_ota.cli` be the command."""

from sdr_ota.cli.start import main

main()
