"""The data card of a data set: what it is, how it was made, what our receiver gets from it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from importlib import metadata
from itertools import groupby
from pathlib import Path

from sdr_ota.air.presets import air_preset
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.signal.metrics import nmse_db
from sdr_ota.study.dataset.setting import Row

CsvRow = Mapping[str, str]


@dataclass(frozen=True)
class Baseline:
    """What our receiver gets from some captures.

    Attributes:
        preset: The simulated air.
        scheme: How symbols are added.
        nodes: K.
        snr_db: Of one full-scale node.
        captures: Asked for.
        erased: Of them, refused by our receiver or never received.
        nmse_db: Error of the decoded sums; NaN if there are none.
        theory_nmse_db: What theory expects of the same sums.
    """

    preset: str
    scheme: str
    nodes: str
    snr_db: str
    captures: int
    erased: int
    nmse_db: float
    theory_nmse_db: float


def baseline(rows: Sequence[CsvRow]) -> list[Baseline]:
    """Return the baseline of every setting, in the order of the rows."""

    def setting(row: CsvRow) -> tuple[str, str, str, str]:
        return row["preset"], row["scheme"], row["nodes"], row["snr_db"]

    return [Baseline(*place, *_figures(list(group))) for place, group in groupby(rows, setting)]


def _figures(rows: Sequence[CsvRow]) -> tuple[int, int, float, float]:
    good = [row for row in rows if row["decoded_sum"]]
    squares = [float(row["true_sum"]) ** 2 for row in good]
    errors = [(float(row["decoded_sum"]) - float(row["true_sum"])) ** 2 for row in good]
    theory = [float(row["theory_error"]) for row in good]
    return len(rows), len(rows) - len(good), nmse_db(errors, squares), nmse_db(theory, squares)


def write_card(root: Path, captures: int, rows: Sequence[CsvRow], results: list[Baseline]) -> None:
    """Write README.md."""
    text = _CARD.format(
        version=metadata.version("sdr-ota"),
        n_rows=len(rows),
        n_captures=sum(bool(row["capture"]) for row in rows),
        captures=captures,
        most_nodes=max(int(row["nodes"]) for row in rows),
        presets=", ".join(dict.fromkeys(row["preset"] for row in rows)),
        schemes=", ".join(dict.fromkeys(row["scheme"] for row in rows)),
        snrs=", ".join(f"{float(s):g}" for s in dict.fromkeys(row["snr_db"] for row in rows)),
        megabytes=sum(p.stat().st_size for p in root.rglob("*") if p.is_file()) / 1e6,
        columns="\n".join(_columns()),
        airs="\n".join(_airs(dict.fromkeys(row["preset"] for row in rows))),
        table="\n".join(_table(rows)),
        n_settings=len(results),
        n_per_cell=captures * max(int(row["nodes"]) for row in rows),
    )
    replace_file(root / "README.md", text.encode())


def _columns() -> Iterable[str]:
    """Describe the columns by the docstring of a row."""
    said: dict[str, str] = {}
    names = {field.name for field in fields(Row)}
    for line in (Row.__doc__ or "").splitlines():
        name, _, meaning = line.strip().partition(": ")
        if name in names:
            said[name] = meaning
    return (f"| `{name}` | {said[name]} |" for name in said)


def _airs(names: Iterable[str]) -> Iterable[str]:
    for name in names:
        air = air_preset(name)
        clock = "shared" if air.shared_clock else f"±{air.clock_error_range_ppm:g}"
        fading = "none" if air.fading == "none" else f"{air.fading}, {air.fading_spectrum}"
        yield (
            f"| {name} | {air.path_gain_spread_db:g} | {clock} | "
            f"{air.start_jitter_s * 1e6:g} | {fading} | {air.multipath_profile} | "
            f"{air.interference_probability:g} | {air.adc_bits or 'none'} |"
        )


def _table(rows: Sequence[CsvRow]) -> Iterable[str]:
    """Lay out NMSE over SNR, all K together: one line a preset and scheme."""
    snrs = list(dict.fromkeys(row["snr_db"] for row in rows))
    yield "| preset | scheme | " + " | ".join(f"{float(s):g} dB" for s in snrs) + " |"
    yield "|---|---|" + "---|" * len(snrs)
    for preset in dict.fromkeys(row["preset"] for row in rows):
        for scheme in dict.fromkeys(row["scheme"] for row in rows):
            here = [r for r in rows if (r["preset"], r["scheme"]) == (preset, scheme)]
            cells = (_cell([r for r in here if r["snr_db"] == snr]) for snr in snrs)
            yield f"| {preset} | {scheme} | " + " | ".join(cells) + " |"


def _cell(rows: Sequence[CsvRow]) -> str:
    n_rows, n_erased, measured, theory = _figures(rows)
    return f"{measured:.1f} / {theory:.1f} ({100 * n_erased / n_rows:.0f} %)"


_CARD = """# Sums in the air: superposed bursts with ground truth

{n_captures} captures of 1 to {most_nodes} nodes that send one real number each at the same time
on the same frequency. The receiver's task is the **sum** of the numbers. Made by `sdr-ota
dataset` (sdr-ota {version}); {n_rows} lines in `index.csv`, {megabytes:.1f} MB.

- **Simulated, not measured.** The airs model carrier and sample clock offsets, phase noise (also of
  the receiver, the same for all nodes), fading, multipath, start jitter, I/Q imbalance, DC offset,
  amplifiers, converters and interference; no radio was involved.
- Airs: {presets}.
- Schemes: {schemes}.
- SNR of one full-scale node of mean path gain, per sample: {snrs} dB. Nodes are aligned to the
  weakest one and send at half of full scale at most.
- {captures} captures in each of {n_settings} settings.
- Everything follows from the seed in `dataset.json`: the same command gives the same bytes.

## Files

`PRESET/SCHEME/KK-nodes-SNR-db/round-N.sigmf-meta` and `-data`: the superposed payloads, with
preamble, payload and idle slot annotated; `sounding-N`: each node's known burst, alone, shortly
before, with our estimates (`ota:estimates`) and the truth (`ota:truth`) of its path. Samples are
`cf32_le`, full scale 1.0. Our fields have the SigMF namespace `ota`: `ota:plan` says how each
node pre-compensated (gain, delay, carrier offset), `ota:symbols` what it sent, `ota:link` the
frame and the scheme.

| column of `index.csv` | meaning |
|---|---|
{columns}

| air | path spread dB | clock ppm | jitter us | fading | multipath | interference | ADC bits |
|---|---|---|---|---|---|---|---|
{airs}

## How to load it

```python
import csv, json, pathlib
import numpy as np

root = pathlib.Path(".")
for row in csv.DictReader((root / "index.csv").open()):
    if row["capture"]:
        meta = json.loads((root / row["capture"]).read_text())
        samples = np.fromfile((root / row["capture"]).with_suffix(".sigmf-data"), "<c8")
        part = next(a for a in meta["annotations"] if a["core:label"] == "payload")
        payload = samples[part["core:sample_start"] :][: part["core:sample_count"]]
        print(row["capture"], len(payload), float(row["true_sum"]))
```

With sdr-ota, `sdr_ota.runs.captures.read_capture(path)` returns samples, plan and truth, and
`sdr_ota.rounds.decoding.decode_present(stored.reception, stored.link)` is the baseline receiver.

## Baseline

Normalised mean square error of the decoded sum, E|estimate - sum|^2 / E|sum|^2 over all K, in dB:
measured / expected by theory for the same sums (erased captures in brackets, not counted).
`baseline.csv` has one line a setting. Theory knows noise and what the soundings show of phase,
amplitude and timing errors; it does not know multipath within a chip or interference. A cell
holds few sums ({n_per_cell} asked for): expect it to scatter by a decibel or two.

{table}

## License

The data are dedicated to the public domain (CC0 1.0); the program that made them is under the
MIT license. Cite the program and its version if you publish results.
"""
