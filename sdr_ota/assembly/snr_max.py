r"""The axis of the paper's figures: $\mathrm{SNR}_\text{max} = P / N_0$ (arXiv 2604.12401, eq. 37).

The paper prints $P / (d N_0)$ with $d$ the values in a block; a payload here is one number, so
$d = 1$. $P$ is the power in which a symbol of 1 arrives from a node at its peak amplitude over a
path of the mean gain, the paper's channel of mean 1; $N_0$ is the noise of the real dimension that
it uses. The receiver averages the chips of a payload, so its ratio is that of their sum.
"""

from ota_calibration.privacy.peak_snr import peak_snr

from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of, resolved_preset
from sdr_ota.rounds.exchange import Link
from sdr_ota.units import db_to_amplitude, db_to_power


def snr_max(config: Config) -> float:
    """Return the largest received peak SNR of a node with the mean path, linear.

    Args:
        config: Of a simulated air, which knows the mean gain and the noise; the scheme is named.

    Raises:
        ValueError: If the configuration makes no frame.
    """
    link = link_of(config)
    return peak_snr(*expected_levels(config, link), link.frame.n_payload_chips)


def expected_levels(config: Config, link: Link) -> tuple[float, float]:
    """Return how loud a node arrives at its limit in the simulated air, and the noise of a chip.

    Returns:
        The amplitude of a symbol of 1, and the total noise power of one complex chip, linear.
    """
    air = resolved_preset(config.air)
    reach = config.link.peak_amplitude * db_to_amplitude(air.path_gain_db)
    return reach, db_to_power(-air.snr_db) / link.frame.pulse.energy
