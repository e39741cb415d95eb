"""What the browser page of `sdr-ota watch` is told: numbers of a run, as JSON."""

import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from sdr_ota.erasure import Erasure
from sdr_ota.report.erasure_words import first_check, situation_of
from sdr_ota.rounds.round import RoundResult
from sdr_ota.runs.capture_view import capture_spectrum, payload_constellation
from sdr_ota.runs.captures import CaptureError, read_capture, stored_captures
from sdr_ota.runs.follower import RunFollower
from sdr_ota.runs.link_verdict import link_verdict
from sdr_ota.runs.recording import Json
from sdr_ota.runs.run_records import Evaluation
from sdr_ota.runs.summary import summarise
from sdr_ota.signal.iq_file import META
from sdr_ota.units import power_to_db

MOST_ROUNDS = 5000
"""Rounds that one answer holds; of more, every n-th is shown."""

PACE_ROUNDS = 50
"""Last rounds that make the pace."""

_COLUMNS: dict[str, Callable[[RoundResult], float | int | str | None]] = {
    "round": lambda r: r.round,
    "loss": lambda r: r.loss,
    "true": lambda r: r.true_sum,
    "decoded": lambda r: r.decoded_sum,
    "std": lambda r: r.decoded_std,
    "noise_db": lambda r: power_to_db(r.noise_power) if r.noise_power else None,
    "cfo_hz": lambda r: r.cfo_hz,
    "erasure": lambda r: r.erasure,
}


class WatchState:
    """Answers the page's questions; several at a time may ask.

    Args:
        run: The run folder.

    Raises:
        RunFolderError: If it is no run folder.
    """

    def __init__(self, run: Path) -> None:
        self._follower = RunFollower(run)
        self._lock = Lock()

    def progress(self, generation: int, first: int) -> Json:
        """Return how the run stands, with the rounds from ``first`` on.

        Args:
            generation: Of the rounds that the page has; of another one, all are sent.
            first: How many rounds the page has.
        """
        began_s = time.thread_time()
        with self._lock:
            self._follower.update()
            run, now = self._follower.run, self._follower.generation
            rounds = list(run.rounds)
            new = rounds[first:] if generation == now else rounds
            summary = summarise(run)
        situation = situation_of(run.start)
        config = run.start.get("config")
        tables: Json = config if isinstance(config, dict) else {}
        return {
            "name": run.folder.resolve().name,
            "generation": now,
            "n_rounds": len(rounds),
            "n_planned": tables.get("run", {}).get("rounds"),
            "scheme": tables.get("link", {}).get("scheme"),
            "n_clients": tables.get("clients", {}).get("count"),
            "driver": _driver(run.start.get("radios")),
            "stop": dict(run.stop),
            "quiet_s": _quiet_s(run.folder),
            "pace": _pace(rounds[-PACE_ROUNDS:]),
            "nmse_db": summary.nmse_db,
            "theory_nmse_db": summary.theory_nmse_db,
            "clipped_share": summary.clipped_share,
            "unclipped_nmse_db": summary.unclipped_nmse_db,
            "verdict": link_verdict(summary.nmse_db, summary.erased_share),
            "erasures": dict(summary.erasures),
            "check_first": {reason: first_check(reason, situation) for reason in summary.erasures},
            "incomplete": summary.incomplete,
            "score_name": summary.score_name,
            **_held_out(run.evaluations),
            "new": _columns(new),
            "captures": [p.name.removesuffix(META) for p in stored_captures(run.folder)],
            "last_detail": next((r.detail for r in reversed(rounds) if r.erasure), ""),
            "work_s": time.thread_time() - began_s,
        }

    def capture(self, name: str) -> Json | None:
        """Return what there is to see in a capture; None if it is not (any more) there."""
        paths = stored_captures(self._follower.run.folder)
        wanted = [path for path in paths if path.name == f"{name}{META}"]
        if not wanted:
            return None
        try:
            return _seen(wanted[0], wanted[0].stat().st_mtime_ns)
        except (CaptureError, FileNotFoundError):  # the oldest make room
            return None


@lru_cache(maxsize=16)
def _seen(path: Path, version: int) -> Json:
    """Look at a capture once for every version of its file."""
    stored = read_capture(path)
    freqs_hz, power_db = capture_spectrum(stored)
    reception, result = stored.reception, stored.result
    seen: Json = {
        "round": result.round,
        "true": reception.true_sum,
        "decoded": result.decoded_sum,
        "is_around_sum": stored.link.scheme.needs_phase,
        "erasure": result.erasure,
        "detail": result.detail,
        "frequency_khz": _rounded(freqs_hz / 1e3),
        "power_db": _rounded(power_db),
    }
    try:
        chips = payload_constellation(stored)
    except Erasure as lost:
        return {**seen, "i": [], "q": [], "not_aligned": str(lost)}
    return {**seen, "i": _rounded(chips.real), "q": _rounded(chips.imag), "not_aligned": ""}


def _held_out(evaluations: Sequence[Evaluation]) -> Json:
    """Return scores and losses over rounds; of the last one also the labels, the worst first."""
    labels = evaluations[-1].label_scores if evaluations else {}
    return {
        "scores": [[e.rounds_done, e.score] for e in evaluations],
        "held_out_losses": [[e.rounds_done, e.loss] for e in evaluations if e.loss is not None],
        "label_scores": sorted(labels.items(), key=lambda one: one[1]),
    }


def _rounded(values: NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.5g}") for value in values]


def _columns(rounds: Sequence[RoundResult]) -> Json:
    """Return a column a quantity; of very many rounds a part."""
    shown = rounds[:: max(-(-len(rounds) // MOST_ROUNDS), 1)]
    return {name: [value(r) for r in shown] for name, value in _COLUMNS.items()}


def _pace(rounds: Sequence[RoundResult]) -> float | None:
    """Return rounds a second of the radios' and clients' work."""
    work_s = sum(r.sounding_s + r.exchange_s + r.compute_s for r in rounds)
    return len(rounds) / work_s if work_s > 0 else None


def _quiet_s(folder: Path) -> float | None:
    """Return how long ago the last round was written."""
    path = folder / "rounds.jsonl"
    return max(time.time() - path.stat().st_mtime, 0.0) if path.is_file() else None


def _driver(radios: object) -> str:
    return str(radios[0].get("driver", "")) if isinstance(radios, list) and radios else ""
