"""Whether what a recording says of how it was sent can belong to its samples."""

from dataclasses import astuple

from sdr_ota.rounds.exchange import Link, Reception

LONGEST_FRAME_SAMPLES = 1 << 26
"""Nothing that a bench sends is longer."""


def check_reception(reception: Reception, link: Link) -> None:
    """Refuse a capture whose record cannot belong to its samples.

    Raises:
        ValueError: With what does not fit.
    """
    plan, n_nodes = reception.plan, len(reception.plan.precoders)
    demand(reception.sample_rate_hz > 0, "core:sample_rate", "is not positive")
    demand(plan.rx_amplitude > 0, "ota:plan.rx_amplitude", "is not positive")
    demand(plan.arriving_level > 0, "ota:plan.arriving_level", "is not positive")
    demand(bool(plan.active_nodes), "ota:plan.precoders", "let no node send")
    if reception.symbols is not None:  # private nodes keep theirs
        n_symbols = link.frame.n_symbols
        shape = (n_nodes,) if n_symbols == 1 else (n_nodes, n_symbols)
        told = "x".join(map(str, shape))
        demand(reception.symbols.shape == shape, "ota:symbols", f"are not {told}")
        demand(bool((abs(reception.symbols) <= 1).all()), "ota:symbols", "are beyond 1")
    known = len(plan.path_errors)
    demand(known in {0, n_nodes}, "ota:plan.path_errors", f"are not those of {n_nodes} nodes")
    errors = [value for one in plan.path_errors for value in astuple(one)]
    errors += [plan.noise_power, plan.symbol_mean_square or 0.0]
    demand(min(errors) >= 0, "ota:plan", "has a negative variance or deviation")
    lost = max((one.loss_probability for one in plan.path_errors), default=0.0)
    demand(lost <= 1, "ota:plan.path_errors", "have a probability above 1")
    _check_pulse_and_length(link)


def _check_pulse_and_length(link: Link) -> None:
    frame, pulse = link.frame, link.frame.pulse
    demand(0 < pulse.rolloff <= 1, "ota:link.frame.pulse.rolloff", "is not in (0, 1]")
    demand(0 < pulse.span_chips <= 64, "ota:link.frame.pulse.span_chips", "is not in [1, 64]")
    demand(pulse.span_chips % 2 == 0, "ota:link.frame.pulse.span_chips", "is odd")
    demand(0 < frame.known_amplitude <= 1, "ota:link.frame.known_amplitude", "is not in (0, 1]")
    long = frame.n_joint_frame > LONGEST_FRAME_SAMPLES
    demand(not long, "ota:link.frame", "is longer than any frame")
    demand(link.max_cfo_hz >= 0, "ota:link.max_cfo_hz", "is negative")


def demand(holds: bool, field: str, otherwise: str) -> None:
    """Refuse a field that is not as it must be.

    Raises:
        ValueError: With its name.
    """
    if not holds:
        raise ValueError(f"{field} {otherwise}")
