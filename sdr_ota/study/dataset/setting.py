"""One setting of a data set: sound, superpose, decode, and write all of it down."""

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from sdr_ota.air.presets import air_preset
from sdr_ota.air.simulated_air import SimulatedAir
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config, load_config
from sdr_ota.config.parts import link_of, payload_of, simulated_air
from sdr_ota.rounds.decoding import decode_present
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.runs.captures import capture_name, frame_parts, write_capture
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.schemes import load_scheme
from sdr_ota.signal.iq_file import DATA, META
from sdr_ota.study.dataset.sounder import KeptSoundings

ROWS = "rows.csv"
"""Written last: a setting's folder that holds it is whole."""


@dataclass(frozen=True)
class Setting:
    """What is the same for all captures of one folder.

    Attributes:
        preset: The simulated air.
        scheme: How symbols are added.
        n_nodes: Nodes that send together.
        snr_db: Of the samples of one full-scale node of mean path gain.
        split: What the captures are for; each has a world of its own.
    """

    preset: str
    scheme: str
    n_nodes: int
    snr_db: float
    split: str

    @property
    def folder(self) -> str:
        """Where its captures lie, under the data set."""
        setting = f"{self.n_nodes:02d}-nodes-{self.snr_db:g}-db"
        return f"{self.preset}/{self.scheme}/{setting}/{self.split}"

    def config(self, settings: Sequence[str], n_captures: int, seed: int) -> Config:
        """Return the configuration of its radios, air and link.

        Raises:
            ConfigError: If scheme and nodes do not fit the frame.
        """
        own = zlib.crc32(self.folder.encode())  # the same whatever else is in the data set
        run_seed = int(np.random.SeedSequence([seed, own]).generate_state(1)[0])
        payload = "sign" if load_scheme(self.scheme).sign_only else "analog"
        return load_config(
            None,
            [
                "link.tune_above_hz=never",  # oscillators as they are
                *settings,
                "clients.source=synthetic",
                f"clients.count={self.n_nodes}",
                f"link.scheme={self.scheme}",
                f"link.payload={payload}",
                f"air.preset={self.preset}",
                f"air.snr_db={self.snr_db - air_preset(self.preset).path_gain_db}",
                f"run.rounds={n_captures}",
                f"run.seed={run_seed}",
            ],
        )


@dataclass(frozen=True)
class Row:
    """One line of ``index.csv``; what an erased capture does not have is empty.

    Attributes:
        capture: Metadata file of the superposed payloads; empty if none was received.
        sounding: Metadata file of the nodes' soundings before it.
        preset: The simulated air.
        scheme: How symbols are added.
        nodes: K.
        snr_db: Of the setting.
        round: Index within the setting.
        split: train, validation or test; they share no world.
        data: File of the samples, cf32_le; empty if none were received.
        payload_start: Index of the payload's first sample in it.
        payload_samples: How many there are.
        cfo_hz: Largest carrier offset from the receiver, of a node that sent: the truth.
        symbols: What the nodes sent, separated by spaces.
        active_nodes: Which of them sent.
        true_sum: Sum of their symbols: the ground truth.
        decoded_sum: What our receiver makes of it.
        lmmse_sum: The same, shrunk by our receiver to the least expected squared error.
        decoded_std: Standard deviation of the error of decoded_sum, as our receiver knows it.
        chips_std: The part of it that the payload's own chips show.
        theory_error: Squared error that theory expects.
        noise_power: Of a chip, as the idle slot shows it.
        rx_amplitude: Aligned chip amplitude of a symbol of 1.
        erasure: Why our receiver refuses it.
    """

    capture: str
    sounding: str
    preset: str
    scheme: str
    nodes: int
    snr_db: float
    round: int
    split: str
    data: str
    payload_start: int | None
    payload_samples: int | None
    cfo_hz: float | None
    symbols: str
    active_nodes: str
    true_sum: float | None
    decoded_sum: float | None
    lmmse_sum: float | None
    decoded_std: float | None
    chips_std: float | None
    theory_error: float | None
    noise_power: float | None
    rx_amplitude: float | None
    erasure: str


def write_setting(setting: Setting, config: Config, root: Path) -> None:
    """Make all captures of a setting; the rows come last.

    Raises:
        OSError: If they cannot be written.
    """
    air, link, folder = simulated_air(config), link_of(config), root / setting.folder
    folder.mkdir(parents=True)
    clients = [UniformClient(node) for node in range(setting.n_nodes)]
    with open_bench(config, air) as bench:
        soundings = KeptSoundings(folder, link, config.link, air, bench)
        captures = _KeptCaptures(folder, link, bench)
        admit = admit_all(partial(payload_of, config), largest_scalar=1.0)
        nodes = nodes_here(config, bench, link, clients)
        server = server_of(config, bench, link, nodes, soundings, admit, air)
        schedule = Schedule(config.run.rounds, config.run.seed, n_symbols=config.frame.symbols)
        rows = [
            _row(setting, result, soundings.take(), captures.take(), link, air)
            for result in run_rounds(server, schedule, observe=captures.keep)
        ]
    write_rows(folder / ROWS, [asdict(row) for row in rows])


def write_rows(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a table with a heading."""
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, list(rows[0]))
    table.writeheader()
    table.writerows(rows)
    replace_file(path, text.getvalue().encode())


class _KeptCaptures:
    """Writes every round that was received, and holds it until it is taken."""

    def __init__(self, folder: Path, link: Link, bench: Bench) -> None:
        self._last: Reception | None = None
        self._folder = folder
        self._link = link
        self._bench = bench

    def keep(self, reception: Reception, result: RoundResult) -> None:
        write_capture(self._folder, reception, result, self._link, self._bench)
        self._last = reception

    def take(self) -> Reception | None:
        last, self._last = self._last, None
        return last


def _row(
    setting: Setting,
    result: RoundResult,
    sounding: str,
    received: Reception | None,
    link: Link,
    air: SimulatedAir,
) -> Row:
    active = received.plan.active_nodes if received else ()
    name = f"{setting.folder}/{capture_name(result.round)}"
    parts = frame_parts(received, link.frame) if received else ()
    payload = next((part for part in parts if part.label == "payload"), None)
    return Row(
        capture=f"{name}{META}" if received else "",
        sounding=f"{setting.folder}/{sounding}{META}" if sounding else "",
        preset=setting.preset,
        scheme=setting.scheme,
        nodes=setting.n_nodes,
        snr_db=setting.snr_db,
        round=result.round,
        split=setting.split,
        data=f"{name}{DATA}" if received else "",
        payload_start=payload.start_sample if payload else None,
        payload_samples=payload.n_samples if payload else None,
        cfo_hz=_largest_cfo_hz(air, active) if active else None,
        symbols=_words(received),
        active_nodes=" ".join(map(str, active)),
        true_sum=received.true_sum if received else None,
        decoded_sum=result.decoded_sum,
        lmmse_sum=_shrunk_sum(received, link) if received and not result.erasure else None,
        decoded_std=result.decoded_std,
        chips_std=result.chips_std,
        theory_error=result.theory_error,
        noise_power=result.noise_power,
        rx_amplitude=received.plan.rx_amplitude if received else None,
        erasure=result.erasure or "",
    )


def _shrunk_sum(received: Reception, link: Link) -> float:
    _, exchange = decode_present(received, replace(link, decode="lmmse"))
    return exchange.total.value


def _largest_cfo_hz(air: SimulatedAir, nodes: Sequence[int]) -> float:
    since_s = air.now_tick / air.sample_rate_hz
    return max(
        abs(path.cfo_hz - air.receiver.cfo_hz
            + (path.drift_hz_per_s - air.receiver.drift_hz_per_s) * since_s)
        for path in (air.paths[node] for node in nodes)
    )  # fmt: skip


def _words(received: Reception | None) -> str:
    if received is None or received.symbols is None:
        return ""
    return " ".join(f"{symbol!r}" for symbol in received.symbols.tolist())
