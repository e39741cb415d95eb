"""Where the program starts: it can be interrupted before any library is there."""

import sys

from sdr_ota.failure import INTERRUPTED
from sdr_ota.printable import let_every_terminal_show


def main() -> None:
    """Run the command line; Ctrl-C says a word, also while libraries are still being loaded."""
    let_every_terminal_show(sys.stdout, sys.stderr)
    try:
        from sdr_ota.cli.application import run_application

        run_application()
    except KeyboardInterrupt:
        print("sdr-ota: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
