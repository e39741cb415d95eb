"""One setting of a data set: sound, superpose, decode, and write all of it down."""

import csv
import io
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from sdr_ota.air.presets import air_preset
from sdr_ota.assembly.bench import open_bench
from sdr_ota.assembly.server import nodes_here, server_of
from sdr_ota.config.load import Config, load_config
from sdr_ota.config.parts import link_of, payload_of, simulated_air
from sdr_ota.rounds.exchange import Bench, Link, Reception
from sdr_ota.rounds.round import RoundResult, run_rounds
from sdr_ota.rounds.schedule import Schedule
from sdr_ota.rounds.server import admit_all
from sdr_ota.rounds.synthetic import UniformClient
from sdr_ota.runs.captures import capture_name, write_capture
from sdr_ota.runs.recording import META
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.schemes import load_scheme
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
    """

    preset: str
    scheme: str
    n_nodes: int
    snr_db: float

    @property
    def folder(self) -> str:
        """Where its captures lie, under the data set."""
        return f"{self.preset}/{self.scheme}/{self.n_nodes:02d}-nodes-{self.snr_db:g}-db"

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
        symbols: What the nodes sent, separated by spaces.
        active_nodes: Which of them sent.
        true_sum: Sum of their symbols: the ground truth.
        decoded_sum: What our receiver makes of it.
        decoded_std: Standard deviation of its error, as our receiver knows it.
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
    symbols: str
    active_nodes: str
    true_sum: float | None
    decoded_sum: float | None
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
            _row(setting, result, soundings.take(), captures.take())
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


def _row(setting: Setting, result: RoundResult, sounding: str, received: Reception | None) -> Row:
    active = received.plan.active_nodes if received else ()
    return Row(
        capture=f"{setting.folder}/{capture_name(result.round)}{META}" if received else "",
        sounding=f"{setting.folder}/{sounding}{META}" if sounding else "",
        preset=setting.preset,
        scheme=setting.scheme,
        nodes=setting.n_nodes,
        snr_db=setting.snr_db,
        round=result.round,
        symbols=_words(received),
        active_nodes=" ".join(map(str, active)),
        true_sum=received.true_sum if received else None,
        decoded_sum=result.decoded_sum,
        decoded_std=result.decoded_std,
        chips_std=result.chips_std,
        theory_error=result.theory_error,
        noise_power=result.noise_power,
        rx_amplitude=received.plan.rx_amplitude if received else None,
        erasure=result.erasure or "",
    )


def _words(received: Reception | None) -> str:
    if received is None or received.symbols is None:
        return ""
    return " ".join(f"{symbol!r}" for symbol in received.symbols.tolist())
