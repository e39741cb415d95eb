"""Where the recording of `air.interferer` lies, and whether it can be played."""

from pathlib import Path

from sdr_ota.air.interferer import recorded_rate_hz
from sdr_ota.config.air_table import AirTable


def with_interferer_found(air: AirTable, home: Path) -> AirTable:
    """Return the table with the recording's whole path, so that it is found from any folder.

    Args:
        air: Validated.
        home: Folder to which the name is relative.

    Raises:
        IqFileError: If the recording cannot be read or names no sample rate.
    """
    if not air.interferer:
        return air
    path = (home / Path(air.interferer).expanduser()).absolute()
    recorded_rate_hz(path)
    return air.model_copy(update={"interferer": str(path)})
