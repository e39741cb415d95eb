"""What one of libiio's ways to reach a board finds, asked in a process of its own.

libiio writes its complaints to standard error by itself, and one way that fails (``ip`` without
Avahi) hides what the others would find. So each is asked alone, and what it prints is read here.
"""

import json
import subprocess
import sys

from sdr_ota.radio.libiio_versions import boards_found

WAYS = {"usb": "USB", "local": "this host's own bus", "ip": "Ethernet"}
"""Names by which libiio knows its back-ends, and what they mean."""

PATIENCE_S = 20.0
"""A search over Ethernet takes two seconds; after this long nobody answers."""

_AVAHI = (
    "boards are announced there through Avahi, and its daemon does not answer: apt-get install "
    "avahi-daemon. A board whose address is known needs no search: driver=pluto,uri=ip:ADDRESS"
)


class ScanFailed(Exception):  # noqa: N818 - it is the outcome of one search, not a fault
    """A place could not be searched.

    Attributes:
        place: Which radios, and where.
        why: The reason, and what to do.
    """

    def __init__(self, place: str, why: str) -> None:
        super().__init__(f"{place} not searched: {why}")
        self.place, self.why = place, why


def scan(way: str) -> dict[str, str]:
    """Return the boards that are found one way.

    Args:
        way: One of ``WAYS``.

    Returns:
        libiio's description of every board, by its URI.

    Raises:
        ScanFailed: Naming the way, with the reason and what to do.
    """
    place = f"PlutoSDRs over {WAYS[way]} ({way})"
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", __name__, way],
            capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise ScanFailed(place, f"no answer in {PATIENCE_S:g} s") from None
    if done.returncode == 0:
        return dict(json.loads(done.stdout))
    raise ScanFailed(place, trouble(done.stderr))


def trouble(said: str) -> str:
    """Return what a search that failed means, from what it printed."""
    if "avahi" in said.lower():
        return _AVAHI
    lines = said.strip().splitlines()
    return lines[-1] if lines else "libiio crashed"


def _found(way: str) -> dict[str, str]:
    """Return what libiio finds in this process."""
    import iio  # noqa: PLC0415

    return boards_found(iio, way)


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(_found(sys.argv[1])))
    except (ImportError, OSError, AttributeError) as error:
        sys.exit(str(error))
