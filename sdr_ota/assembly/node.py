"""This machine lends its radios to a run whose server is elsewhere."""

import json
import math
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec

from sdr_ota.failure import INTERRUPTED, NO_RADIO, WRONG_USE, CommandFailed
from sdr_ota.process.interruption import Interruption
from sdr_ota.radio.address import AddressError, open_radio, parse_address
from sdr_ota.radio.base import RadioError
from sdr_ota.radio.limited import Limits
from sdr_ota.remote.cluster import NO_TOKEN, environment, has_token
from sdr_ota.remote.offer import Offer
from sdr_ota.report.printable_console import PrintableConsole

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PATIENCE_S, _KNOCK_S = 20.0, 10.0

console = PrintableConsole(highlight=False, markup=False, soft_wrap=True)


def node_command(offer: Offer, address: str, without_token: bool = False) -> None:
    """Check the radios, then be a machine of the cluster until interrupted.

    Args:
        offer: What this machine lends.
        address: Of the cluster.
        without_token: Whether to join a cluster that asks for none.
    """
    name, radios = offer.host, offer.radios
    if not _NAME.fullmatch(name):
        raise CommandFailed(
            f"a machine's name has letters, digits, dots and dashes only, not {name!r}", WRONG_USE
        )
    if find_spec("ray") is None:
        raise CommandFailed("machines join through Ray: pip install 'sdr-ota[cluster]'")
    check_limits(offer.limits)
    if not radios:
        raise CommandFailed("say which radio of this machine to lend: --radio ADDRESS", WRONG_USE)
    if not (without_token or has_token()):
        raise CommandFailed(
            f"{NO_TOKEN}. Copy the server's token to that file, made there with ray "
            "get-auth-token --generate, or join all the same with --without-token",
            WRONG_USE,
        )
    _check_answers(address)
    for radio in radios:
        _try_out(radio)
    with Interruption(), _worker(offer, address) as worker:
        console.print(f"{name} joins the cluster at {address}; Ctrl-C ends it")
        console.print("in the config of the run:")
        console.print("\n".join(f'  "{radio},host={name}"' for radio in radios))
        try:
            code = worker.wait()
        except KeyboardInterrupt:
            raise CommandFailed(f"{name} has left the cluster", INTERRUPTED) from None
        finally:
            _end(worker)
    raise CommandFailed(
        f"{name} is no longer in a cluster at {address} (Ray ended with code {code}): does "
        "ray start --head run there, and is the port open?"
    )


def limits_of(bands: Sequence[str], max_tx_gain_db: float | None, max_duty_cycle: float) -> Limits:
    """Return an owner's limits; bands as in `bands_of`, which raises what this does."""
    return Limits(bands_of(bands), max_tx_gain_db, max_duty_cycle)


def bands_of(words: Sequence[str]) -> tuple[tuple[float, float], ...]:
    """Return the bands that a user has written as ``LOW_HZ:HIGH_HZ``.

    Raises:
        CommandFailed: If one is not of that form.

    >>> bands_of(["433.05e6:434.79e6"])
    ((433050000.0, 434790000.0),)
    """
    try:
        pairs = [word.split(":") for word in words]
        return tuple((float(low), float(high)) for low, high in pairs)
    except ValueError as wrong:
        raise CommandFailed(
            f"--band {' '.join(words)!r}: write LOW_HZ:HIGH_HZ, as 433.05e6:434.79e6", WRONG_USE
        ) from wrong


def check_limits(limits: Limits) -> None:
    """Refuse to lend a radio without a band, or with limits that mean nothing."""
    if not limits.bands_hz:
        raise CommandFailed(
            "say in which band the radios of this machine may transmit: --band LOW_HZ:HIGH_HZ, as "
            "your licence or the law allows; repeat it for more",
            WRONG_USE,
        )
    for low_hz, high_hz in limits.bands_hz:
        if not 0 < low_hz < high_hz < math.inf:
            raise CommandFailed(
                f"--band {low_hz:g}:{high_hz:g}: the lower edge comes first, both in Hz", WRONG_USE
            )
    if not 0 < limits.max_duty_cycle <= 1:
        raise CommandFailed(
            f"--max-duty-cycle {limits.max_duty_cycle:g}: a share of the time, above 0, at most 1",
            WRONG_USE,
        )


def _check_answers(address: str) -> None:
    """Knock at the cluster's door: Ray itself would try, and complain, for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise CommandFailed(f"--address {address!r} is not of the form HOST:PORT", WRONG_USE)
    try:
        socket.create_connection((host.strip("[]"), int(port)), _KNOCK_S).close()
    except (OSError, OverflowError) as silent:
        raise CommandFailed(
            f"nothing answers at {address} ({silent}): does ray start --head run there, and is "
            "the port open?"
        ) from silent


def _try_out(address: str) -> None:
    """Open a radio and close it: a wrong address is noticed here, not in the first round."""
    try:
        if "host" in parse_address(address):
            raise AddressError(f"address {address!r}: host= is for the run's config only")
        open_radio(address).close()
    except AddressError as wrong:
        raise CommandFailed(str(wrong), WRONG_USE) from wrong
    except RadioError as missing:
        raise CommandFailed(str(missing), NO_RADIO) from missing


def _worker(offer: Offer, address: str) -> subprocess.Popen[bytes]:
    """Start Ray's own process with what this machine offers."""
    lent = {f"radio:{offer.host}": len(offer.radios)}
    options = [f"--address={address}", f"--resources={json.dumps(lent)}", "--block"]
    return subprocess.Popen(
        [sys.executable, "-m", "ray.scripts.scripts", "start", *options],
        env={**environment(), **os.environ, **offer.environment()},
        stdout=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is ours: agents must be told, not interrupted
    )


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End Ray's process and all that it has started."""
    if worker.poll() is None:
        worker.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            worker.wait(_PATIENCE_S)
    with suppress(ProcessLookupError):
        os.killpg(worker.pid, signal.SIGKILL)
