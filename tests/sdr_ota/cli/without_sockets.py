"""Run `sdr-ota` where Python opens no socket: a node that asks a network for anything fails."""

import sys

from sdr_ota.cli.start import main

_REFUSED = {"socket.__new__", "socket.connect", "socket.bind", "socket.getaddrinfo"}


def _refuse(event: str, words: object) -> None:
    if event in _REFUSED:
        raise RuntimeError(f"{event}{words}: a node without cables asks no network")


if __name__ == "__main__":
    sys.addaudithook(_refuse)
    main()
