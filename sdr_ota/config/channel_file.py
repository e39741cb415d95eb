"""Where the file of `air.channel` lies, and whether it fits the bench and the run."""

from pathlib import Path

from sdr_ota.air.channels.channel import Channel, ChannelFileError
from sdr_ota.air.channels.read import read_channel
from sdr_ota.config.air_table import AirTable
from sdr_ota.config.tables import RadioTable


def with_channel_found(air: AirTable, radio: RadioTable, n_nodes: int, home: Path) -> AirTable:
    """Return the table with the file's whole path, so that it is found from any folder.

    Args:
        air: Validated.
        radio: Its rate and carrier must fit the file.
        n_nodes: Whose paths it must hold.
        home: Folder to which the name is relative.

    Raises:
        ChannelFileError: If it cannot be read or does not fit.
    """
    if not air.channel:
        return air
    if radio.processes:  # nodes there have the preset's oscillators, and the air four inputs
        raise ChannelFileError(
            f"{air.channel} cannot be played between processes: set radio.processes = false"
        )
    found = air.model_copy(
        update={"channel": str((home / Path(air.channel).expanduser()).absolute())}
    )
    usable_channel(found, n_nodes).check_fits(radio.sample_rate_hz, radio.center_freq_hz)
    return found


def usable_channel(air: AirTable, n_nodes: int) -> Channel:
    """Return the nodes' paths in the file that the table names.

    Raises:
        ChannelFileError: If there is none, or it cannot be read.
    """
    return read_channel(Path(air.channel or ""), air.channel_antenna or 0).first_nodes(n_nodes)
