"""Whether the parts of a stored capture fit each other, before anything is decoded."""

from collections.abc import Sequence
from dataclasses import asdict, astuple

from sdr_ota.config.frame_table import FrameTable
from sdr_ota.rounds.exchange import Link, Reception
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.capture_record import WALL_TIMES

LONGEST_FRAME_SAMPLES = 1 << 26
"""Nothing that a bench sends is longer."""


def check_capture(reception: Reception, link: Link) -> None:
    """Refuse a capture whose record cannot belong to its samples.

    Raises:
        ValueError: With what does not fit.
    """
    plan, n_nodes = reception.plan, len(reception.plan.precoders)
    _demand(reception.sample_rate_hz > 0, "core:sample_rate", "is not positive")
    _demand(plan.rx_amplitude > 0, "ota:plan.rx_amplitude", "is not positive")
    _demand(bool(plan.active_nodes), "ota:plan.precoders", "let no node send")
    if reception.symbols is not None:  # private nodes keep theirs
        n_symbols = link.frame.n_symbols
        shape = (n_nodes,) if n_symbols == 1 else (n_nodes, n_symbols)
        told = "x".join(map(str, shape))
        _demand(reception.symbols.shape == shape, "ota:symbols", f"are not {told}")
        _demand(bool((abs(reception.symbols) <= 1).all()), "ota:symbols", "are beyond 1")
    known = len(plan.path_errors)
    _demand(known in {0, n_nodes}, "ota:plan.path_errors", f"are not those of {n_nodes} nodes")
    errors = [value for one in plan.path_errors for value in astuple(one)]
    errors += [plan.noise_power, plan.symbol_mean_square or 0.0]
    _demand(min(errors) >= 0, "ota:plan", "has a negative variance or deviation")
    lost = max((one.loss_probability for one in plan.path_errors), default=0.0)
    _demand(lost <= 1, "ota:plan.path_errors", "have a probability above 1")
    _check_link(link)


def check_captured_round(result: RoundResult, rounds: Sequence[RoundResult]) -> None:
    """Refuse a capture that is none of a run's.

    Args:
        result: What the capture says of its round.
        rounds: Of the run.

    Raises:
        ValueError: If the run has no such round, or says something else of it.
    """
    _demand(result.round < len(rounds), "ota:result", f"is of round {result.round}, which is none")
    kept = dict.fromkeys((*WALL_TIMES, "ledger_digest"))
    one, other = ({**asdict(r), **kept} for r in (result, rounds[result.round]))
    wrong = next((name for name, value in one.items() if value != other[name]), None)
    _demand(wrong is None, f"ota:result.{wrong}", "is not that of rounds.jsonl")


def _check_link(link: Link) -> None:
    frame, pulse = link.frame, link.frame.pulse
    FrameTable(  # raises: what no config may ask for, no bench has sent
        chirp_samples=frame.n_chirp,
        samples_per_chip=pulse.samples_per_chip,
        pilot_chips=frame.n_pilot_chips,
        node_pilot_chips=frame.n_node_pilot_chips,
        payload_chips=frame.n_payload_chips,
        idle_chips=frame.n_idle_chips,
        guard_samples=frame.guard_samples,
        bench=frame.bench,
        symbols=frame.n_symbols,
    )
    _demand(0 < pulse.rolloff <= 1, "ota:link.frame.pulse.rolloff", "is not in (0, 1]")
    _demand(0 < pulse.span_chips <= 64, "ota:link.frame.pulse.span_chips", "is not in [1, 64]")
    _demand(pulse.span_chips % 2 == 0, "ota:link.frame.pulse.span_chips", "is odd")
    _demand(0 < frame.known_amplitude <= 1, "ota:link.frame.known_amplitude", "is not in (0, 1]")
    long = frame.n_joint_frame > LONGEST_FRAME_SAMPLES
    _demand(not long, "ota:link.frame", "is longer than any frame")
    _demand(link.max_cfo_hz >= 0, "ota:link.max_cfo_hz", "is negative")


def _demand(holds: bool, field: str, otherwise: str) -> None:
    if not holds:
        raise ValueError(f"{field} {otherwise}")
