"""`sdr-ota node`: this machine lends its radios to a run whose server is elsewhere."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sdr_ota.radio.limited import Limits

Name = Annotated[
    str,
    typer.Argument(
        metavar="NAME|CONFIG",
        help="Name of this machine in the run; with --air-only, the run's config file.",
    ),
]
Address = Annotated[
    str, typer.Option(help="Of the cluster: where `ray start --head` runs, HOST:PORT.")
]
AirOnly = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="Join by the air alone, with the radio that has this address in the run's config.",
    ),
]
Folder = Annotated[
    Path | None,
    typer.Option(
        help="With --air-only: for the weights and for how it ended, one for each node. "
        "Without it: air-only-node-PLACE."
    ),
]
Radios = Annotated[
    list[str],
    typer.Option("--radio", metavar="ADDRESS", help="A radio of this machine to lend."),
]


Bands = Annotated[
    list[str],
    typer.Option(
        "--band", metavar="LOW_HZ:HIGH_HZ", help="In which the radios may transmit; repeatable."
    ),
]
MaxGain = Annotated[float | None, typer.Option(metavar="DB", help="Largest transmit gain, in dB.")]
MaxDutyCycle = Annotated[
    float, typer.Option(metavar="SHARE", help="Largest share of the time on the air.")
]

DatasetEpsilon = Annotated[
    float | None,
    typer.Option(
        metavar="EPSILON",
        min=0,
        help="Most that all runs may spend on this machine's data; open runs are refused.",
    ),
]
WithoutToken = Annotated[
    bool,
    typer.Option(
        "--without-token",
        help="Join a cluster without a token: whoever reaches it can run programs here.",
    ),
]


def node(  # noqa: PLR0913, PLR0917 - a command has options
    name: Name,
    address: Address = "",
    radios: Radios = [],  # noqa: B006 - typer makes a new one
    bands: Bands = [],  # noqa: B006
    max_tx_gain_db: MaxGain = None,
    max_duty_cycle: MaxDutyCycle = 1.0,
    dataset_epsilon: DatasetEpsilon = None,
    without_token: WithoutToken = False,
    air_only: AirOnly = "",
    folder: Folder = None,
) -> None:
    """Lend this machine's radios to a run elsewhere, until Ctrl-C.

    In that run's config a radio lent here is ADDRESS,host=NAME. Orders beyond the
    bands, the gain and the share of the time are refused here, whoever sends them.
    Files of the machine's own data and its privacy ledgers lie in the folder in
    which this command was started. --air-only needs no network.
    """
    from sdr_ota.assembly.node import limits_of, node_command
    from sdr_ota.remote.offer import Offer

    limits = limits_of(bands, max_tx_gain_db, max_duty_cycle)
    if air_only:
        return _by_air(air_only, Path(name), limits, folder)
    offer = Offer(name, tuple(radios), str(Path.cwd()), limits, dataset_epsilon)
    node_command(offer, address, without_token)


def _by_air(address: str, experiment: Path, limits: "Limits", folder: Path | None) -> None:
    from sdr_ota.assembly.air_only_node import air_only_node

    end = air_only_node(address, experiment, limits, folder)
    print(f"node {end.node}: {end.n_steps} steps, the last round was {end.last_round}")
    print(f"steps {end.journal}, weights {end.checksum or 'none'}")
