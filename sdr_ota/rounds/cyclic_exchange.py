"""One exchange over radios without hardware time: everybody repeats, the receiver reads anywhere.

The nodes start one after the other, whenever their buffers happen to begin, and send until
the receiver has received enough. Nothing is assumed about when; a node pilot of every node proves
that what was captured is this round's.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.radio.base import Capture, RadioError
from sdr_ota.receiver.joint_frame import refuse_clipped
from sdr_ota.receiver.plausibility import GAIN_CHANGE_LIMIT_DB, check_silence, check_sum_in_range
from sdr_ota.rounds.exchange import Bench, Exchange, Link, Reception
from sdr_ota.schemes import AggregationScheme, LinkQuality, theory_squared_error
from sdr_ota.signal.subcarriers import SubcarrierFrame, node_pilot_chips, turned_block
from sdr_ota.types import Chips, Samples, TransmitPlan
from sdr_ota.units import amplitude_to_db

NODE_PILOT_FALSE_ALARM = 1e-6
"""Probability that noise passes for a node's node pilot in one exchange."""

_MAX_DRAWS = 100


def subcarrier_frame(link: Link, n_nodes: int) -> SubcarrierFrame:
    """Return how a link's payload lies on subcarriers."""
    return SubcarrierFrame(link.frame.n_payload_chips // 2 * 2, n_nodes)


def exchange_cyclic(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Exchange:
    """Let all nodes repeat their symbols at once and decode the sum.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    return decode_cyclic(receive_cyclic(symbols, plan, bench, link, seed), link)


def receive_cyclic(
    symbols: NDArray[np.float64], plan: TransmitPlan, bench: Bench, link: Link, seed: int
) -> Reception:
    """Let all nodes repeat their symbols at once and capture a window of it.

    Args:
        symbols: One in [-1, 1] a node, shape ``(n_nodes,)``.
        plan: How each node sends; nodes with a zero precoder stay silent. Phases and
            delays in it have no meaning here and are not used.
        bench: The radios.
        link: Its scheme must have a form for subcarriers.
        seed: Makes the nodes' random chips and the node pilots of this round.

    Raises:
        Erasure: If nothing was captured.
    """
    scheme, frame = _on_subcarriers(link, len(symbols))
    blocks = {
        node: _block(float(symbols[node]), node, plan, bench, (scheme, frame), seed)
        for node in plan.active_nodes
    }
    n_settle = round(link.settle_s * bench.sample_rate_hz)
    with repeating(bench, blocks):
        capture = receive_after(bench, n_settle, frame.n_window, link.timeout_s)
    return Reception(capture, bench.sample_rate_hz, symbols, plan, seed, is_cyclic=True)


def decode_cyclic(reception: Reception, link: Link) -> Exchange:
    """Decode the sum that a window of repeated symbols carries.

    Raises:
        Erasure: If the sum cannot be trusted.
    """
    capture, plan, symbols = reception.capture, reception.plan, reception.symbols
    scheme, frame = _on_subcarriers(link, len(symbols))
    refuse_clipped(capture)
    if len(capture.samples) != frame.n_window:
        raise Erasure(
            "not-found",
            f"the capture holds {len(capture.samples)} samples, the window {frame.n_window}",
        )
    bins = frame.analyse(capture.samples)
    chips, idle = bins[frame.payload], bins[frame.idle]
    noise_power = float(np.mean(np.abs(idle) ** 2))
    loudest = max(float(np.mean(np.abs(part) ** 2)) for part in np.array_split(idle, 4))
    check_silence(loudest, plan.noise_power)
    metric = _check_node_pilots(bins, frame, plan, reception.seed)
    quality = _quality(plan, noise_power, frame, capture, reception.sample_rate_hz)
    total = scheme.decode(chips, len(symbols), plan.rx_amplitude)
    check_sum_in_range(total, scheme, quality, len(plan.active_nodes))
    expected = theory_squared_error(scheme, symbols[list(plan.active_nodes)], quality)
    return Exchange(
        total, expected, noise_power, _residual_cfo(capture.samples, frame, plan), metric
    )


def _on_subcarriers(link: Link, n_nodes: int) -> tuple[AggregationScheme, SubcarrierFrame]:
    scheme = link.scheme.on_subcarriers
    if scheme is None:
        raise Erasure("radio", "the scheme needs to know when the payload begins")
    return scheme, subcarrier_frame(link, n_nodes)


@contextmanager
def repeating(bench: Bench, blocks: dict[int, Samples]) -> Iterator[None]:
    """Let nodes repeat their blocks while something is done; all fall silent afterwards.

    Raises:
        Erasure: ``radio`` if a radio fails.
    """
    try:
        with ExitStack() as silence:
            for node, samples in blocks.items():
                silence.callback(bench.nodes[node].end_cyclic)
                bench.nodes[node].begin_cyclic(samples)
            yield
    except RadioError as broken:
        raise Erasure("radio", str(broken)) from broken


def receive_after(bench: Bench, n_settle: int, n_samples: int, timeout_s: float) -> Capture:
    """Receive, and keep what follows the samples in which nodes may still be starting."""
    capture = bench.receiver.begin_receive(n_settle + n_samples).result(timeout_s)
    return Capture(capture.samples[n_settle:], capture.start_tick + n_settle, capture.n_clipped)


def _block(
    symbol: float,
    node: int,
    plan: TransmitPlan,
    bench: Bench,
    how: tuple[AggregationScheme, SubcarrierFrame],
    seed: int,
) -> Samples:
    """Return what a node repeats; phases are drawn until the peak fits."""
    scheme, frame = how
    precoder, node_pilot = plan.precoders[node], node_pilot_chips(frame.n_node_pilot, seed, node)
    rng = np.random.default_rng([seed, node])
    for _ in range(_MAX_DRAWS):
        chips = scheme.encode(symbol, node, len(plan.precoders), frame.n_chips, rng)
        period = frame.compose(chips, node, node_pilot)
        if np.abs(period).max() <= 1.0:
            break
    cfo = precoder.cfo_hz / bench.sample_rate_hz
    return turned_block(abs(precoder.gain) * period, frame.n_repeats, cfo)


def _check_node_pilots(bins: Chips, frame: SubcarrierFrame, plan: TransmitPlan, seed: int) -> float:
    """Erase the round unless every node pilot is there at its level; return the weakest metric."""
    threshold = frame.node_pilot_threshold(NODE_PILOT_FALSE_ALARM)
    weakest = 1.0
    for node in plan.active_nodes:
        found = frame.find_node_pilot(bins, node, node_pilot_chips(frame.n_node_pilot, seed, node))
        if found.metric < threshold:
            raise Erasure(
                "not-found",
                f"node {node}'s node_pilot of this round is not on the air: metric "
                f"{found.metric:.2f}, threshold {threshold:.2f}",
            )
        change_db = amplitude_to_db(abs(found.gain) / plan.rx_amplitude)
        if abs(change_db) > GAIN_CHANGE_LIMIT_DB:
            raise Erasure(
                "gain-changed",
                f"node {node}'s node_pilot is {change_db:+.1f} dB off its sounding "
                f"(limit {GAIN_CHANGE_LIMIT_DB:g} dB)",
            )
        weakest = min(weakest, found.metric)
    return weakest


def _residual_cfo(samples: Samples, frame: SubcarrierFrame, plan: TransmitPlan) -> float:
    """Return how fast the lead node's node pilot turns between the window's halves."""
    indices = frame.node_pilot(plan.active_nodes[0])
    early, late = (frame.analyse(half)[indices] for half in np.split(samples, 2))
    return float(np.angle(np.vdot(early, late)) / (np.pi * len(samples)))


def _quality(
    plan: TransmitPlan,
    noise_power: float,
    frame: SubcarrierFrame,
    capture: Capture,
    sample_rate_hz: float,
) -> LinkQuality:
    """Return what theory needs: this round's noise, the plan's amplitude errors until now."""
    sounded = np.array([plan.precoders[n].reference_tick for n in plan.active_nodes])
    elapsed_s = float(np.mean(capture.start_tick - sounded)) / sample_rate_hz
    variance = plan.amplitude_error_std**2 + plan.amplitude_walk_per_s * elapsed_s
    return LinkQuality(
        n_chips=frame.n_chips,
        rx_amplitude=plan.rx_amplitude,
        noise_power=noise_power,
        phase_error_std_rad=0.0,
        amplitude_error_std=float(np.sqrt(variance)),
        timing_error_std_chips=0.0,
        n_absent=len(plan.precoders) - len(plan.active_nodes),
        loss_probability=plan.loss_probability,
    )
