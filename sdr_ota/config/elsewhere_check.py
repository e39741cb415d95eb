"""What nodes on machines of their own cannot do, however the server reaches them."""

from sdr_ota.config.tables import (
    CalibrationTable,
    ClientsTable,
    DataTable,
    PrivacyTable,
    RadioTable,
)
from sdr_ota.radio.normal_form import normal_form


def check_nodes_elsewhere(
    clients: ClientsTable,
    data: DataTable,
    privacy: PrivacyTable,
    calibration: CalibrationTable,
    radio: RadioTable,
) -> None:
    """Refuse what nodes on other machines cannot do.

    Raises:
        ValueError: Naming the key, what it is, and what it may be.
    """
    if normal_form(radio.receiver) in {normal_form(address) for address in radio.nodes}:
        raise ValueError(
            f"radio.receiver = {radio.receiver!r} cannot be a node's radio as well with "
            f'clients.location = "{clients.location}": each process opens its own; use two radios'
        )
    of_nodes = [kind for kind in calibration.require if kind != "noise-floor"]
    if of_nodes:
        raise ValueError(
            f'calibration.require = "{of_nodes[0]}" with clients.location = "{clients.location}": '
            "nodes on other machines have no records here; require noise-floor only"
        )
    if privacy.protect == "nothing":
        return
    if privacy.trust == "channel-noise-trusted":
        raise ValueError(
            'clients.location = "node" with trust = "channel-noise-trusted": a node cannot '
            "verify the receiver's noise; use local or server-sees-sum"
        )
    own_files = data.train != "builtin" and clients.source == "model"
    if privacy.is_subsampled and own_files and clients.sampling_rate is None:
        raise ValueError(
            "Poisson batches from the nodes' own files need clients.sampling_rate: the server "
            "does not know how many examples a node has, and the accountant needs the chance"
        )
