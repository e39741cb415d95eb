r"""What a node sets by the server's control frame: its carrier, its clock, its schedule.

The frame's preamble is known, so its fit (`fit_burst`) says when the frame began by the node's own
clock, how far the server's carrier lies from the node's, and how strong it is. One oscillator
makes a radio's carrier and its sample clock: an offset of $f$ Hz at a carrier of $f_c$ Hz means
that the server's clock is faster by the share $f / f_c$, and what the server orders after $n$
samples of its own comes after $n / (1 + f / f_c)$ of the node's. What several frames say together
of the server's clock is a `ClockTrack`.
"""

import math
from dataclasses import dataclass, replace

import msgspec

from sdr_ota.receiver.burst_fit import BurstFit
from sdr_ota.receiver.control_frame import SenderClock
from sdr_ota.rounds.messages import PayloadOrder
from sdr_ota.signal.sequences import CHIRP_BANDWIDTH
from sdr_ota.types import TransmitPlan


@dataclass(frozen=True)
class Moment:
    """A time by the node's clock.

    Attributes:
        tick: The nearest whole sample.
        late_samples: By which the moment lies behind it, from -0.5 to 0.5.
        std_samples: Standard deviation of the whole.
    """

    tick: int
    late_samples: float
    std_samples: float


@dataclass(frozen=True)
class BeaconFix:
    """What one control frame shows a node.

    Attributes:
        began: When its first sample arrived.
        cfo_hz: Server's carrier minus the node's.
        cfo_std_hz: Its standard deviation.
        rx_amplitude: Received amplitude of a chip of 1, full scale 1.0.
        rx_amplitude_std: Its standard deviation.
        clock_error: By what share the server's sample clock is faster than the node's.
        clock_error_std: Its standard deviation; 0 where both have one reference.
    """

    began: Moment
    cfo_hz: float
    cfo_std_hz: float
    rx_amplitude: float
    rx_amplitude_std: float
    clock_error: float
    clock_error_std: float

    def tuning_hz(self, step_hz: float) -> float:
        """Return by how much the node's synthesiser is to be tuned up further, in whole steps.

        Args:
            step_hz: Smallest step of the synthesiser; with a crystal that can be trimmed, of what
                the trim does to the carrier.
        """
        return step_hz * round(self.cfo_hz / step_hz)


def beacon_fix(
    burst: BurstFit, capture_tick: int, sample_rate_hz: float, clock: SenderClock
) -> BeaconFix:
    """Return what a control frame's preamble shows.

    Args:
        burst: The preamble as fitted.
        capture_tick: Node's tick of the capture's first sample.
        sample_rate_hz: Samples a second.
        clock: What its carrier offset says of the server's sample clock.
    """
    clock_error = clock.error(burst.cfo)
    # The fit takes the preamble for one of the node's clock. It meets its middle; the first sample
    # lies half a preamble of the server's samples before. What is left of the stretch is the phase
    # 2 pi e t f(t), t from the middle, f the chirps' frequency: least squares make of it the slope
    # -e B / 4, B the chirps' bandwidth (2.5 Hz for 50 ppm at 1 MS/s).
    start = burst.start + burst.center * clock_error / (1 + clock_error)
    cfo = burst.cfo + clock_error * CHIRP_BANDWIDTH / 4
    rounded = round(start)
    return BeaconFix(
        began=Moment(capture_tick + rounded, start - rounded, burst.start_std),
        cfo_hz=cfo * sample_rate_hz,
        cfo_std_hz=burst.cfo_std * sample_rate_hz,
        rx_amplitude=abs(burst.gain),
        rx_amplitude_std=burst.gain_std / math.sqrt(2),
        clock_error=clock.error(cfo),
        clock_error_std=clock.error_per_cfo * burst.cfo_std,
    )


def on_time(order: PayloadOrder, due: Moment, sample_rate_hz: float) -> PayloadOrder:
    """Return a payload order for a frame that is due between two samples of the node.

    Args:
        order: For the tick of that moment.
        due: When the joint frame's first sample is due.
        sample_rate_hz: Samples a second.
    """
    late_s = due.late_samples / sample_rate_hz
    return msgspec.structs.replace(order, delay_s=order.delay_s - late_s)


def with_beacon_times(plan: TransmitPlan, start_std_s: float) -> TransmitPlan:
    """Return a plan whose expected arrivals count what nodes know of the server's time.

    A node is sounded by one control frame and sends by another; each has its own error.

    Args:
        plan: From soundings; it has path errors.
        start_std_s: Standard deviation of a control frame's start at the nodes, in seconds.
    """
    added_s = math.sqrt(2) * start_std_s
    errors = (
        replace(e, timing_std_s=math.hypot(e.timing_std_s, added_s)) for e in plan.path_errors
    )
    return replace(plan, path_errors=tuple(errors))
