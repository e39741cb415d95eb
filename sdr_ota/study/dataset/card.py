"""The data card of a data set: what it is, how it was made, what our receiver gets from it."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields
from importlib import metadata
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, StrictUndefined, Template

from sdr_ota.air.presets import air_preset
from sdr_ota.runs.replaced_file import replace_file
from sdr_ota.study.dataset.baseline import LEAST_WORLDS, OFFSETS, Baseline, CsvRow
from sdr_ota.study.dataset.setting import Row
from sdr_ota.study.dataset.split import SPLITS
from sdr_ota.study.dataset.tracker_card import tracker_table
from sdr_ota.study.dataset.tracker_errors import TrackerRow


def write_card(
    root: Path, rows: Sequence[CsvRow], cells: Sequence[Baseline], tracked: Sequence[CsvRow]
) -> None:
    """Write README.md.

    Args:
        root: The data set.
        rows: Of the index.
        cells: The baseline over SNR, carrier offset and K.
        tracked: Of the second part; none if there is none.
    """
    text = _template().render(
        version=metadata.version("sdr-ota"),
        n_rows=len(rows),
        n_captures=sum(bool(row["capture"]) for row in rows),
        most_nodes=max(int(row["nodes"]) for row in rows),
        presets=", ".join(dict.fromkeys(row["preset"] for row in rows)),
        schemes=", ".join(dict.fromkeys(row["scheme"] for row in rows)),
        snrs=", ".join(f"{float(s):g}" for s in dict.fromkeys(row["snr_db"] for row in rows)),
        megabytes=f"{sum(p.stat().st_size for p in root.rglob('*.sigmf-*')) / 1e6:.1f}",
        columns="\n".join(_columns(Row)),
        tracker_columns="\n".join(_columns(TrackerRow)),
        airs="\n".join(_airs(dict.fromkeys(row["preset"] for row in rows))),
        splits=_splits(rows),
        table="\n".join(_tables(cells)),
        tracker_table="\n".join(tracker_table(tracked)) if tracked else "",
        least_worlds=LEAST_WORLDS,
        n_settings=len({_setting(row) for row in rows}),
    )
    replace_file(root / "README.md", text.encode())


def _template() -> Template:
    text = files(__package__).joinpath("card.md.jinja").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=False, keep_trailing_newline=True, undefined=StrictUndefined
    )
    return environment.from_string(text)


def _setting(row: CsvRow) -> tuple[str, ...]:
    return row["preset"], row["scheme"], row["nodes"], row["snr_db"]


def _splits(rows: Sequence[CsvRow]) -> str:
    counts = {split: sum(row["split"] == split for row in rows) for split in SPLITS}
    return ", ".join(f"{split} {count}" for split, count in counts.items())


def _columns(kind: type[Row] | type[TrackerRow]) -> Iterable[str]:
    """Describe the columns by the docstring of a row."""
    said: dict[str, str] = {}
    names = {field.name for field in fields(kind)}
    for line in (kind.__doc__ or "").splitlines():
        name, _, meaning = line.strip().partition(": ")
        if name in names:
            said[name] = meaning
    return (f"| `{name}` | {said[name].replace('|', chr(92) + '|')} |" for name in said)


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


def _tables(cells: Sequence[Baseline]) -> Iterable[str]:
    """Lay out one table a scheme: NMSE over SNR for each class of offsets, K and decoder."""
    snrs = list(dict.fromkeys(cell.snr_db for cell in cells))
    for scheme in dict.fromkeys(cell.scheme for cell in cells):
        heads = ("carrier offset", "K", "decoder", *(f"{float(snr):g} dB" for snr in snrs))
        yield f"\n**{scheme}**\n\n| {' | '.join(heads)} |\n|{'---|' * len(heads)}"
        lines: dict[tuple[str, str, str], dict[str, Baseline]] = {}
        for cell in (one for one in cells if one.scheme == scheme):
            lines.setdefault((cell.cfo, cell.nodes, cell.decoder), {})[cell.snr_db] = cell
        for line in sorted(lines, key=lambda line: OFFSETS.index(line[0])):
            shown = (*line, *(_cell(lines[line].get(snr)) for snr in snrs))
            yield f"| {' | '.join(shown)} |"


def _cell(cell: Baseline | None) -> str:
    if cell is None:
        return "none"
    erased = f"{100 * cell.erased / cell.captures:.0f} %"
    if math.isnan(cell.nmse_db):
        return f"all erased ({cell.captures})"
    interval = (
        ""
        if math.isnan(cell.nmse_low_db)
        else (f" [{cell.nmse_low_db:.1f}, {cell.nmse_high_db:.1f}]")
    )
    return f"{cell.nmse_db:.1f}{interval} / {cell.theory_nmse_db:.1f} ({erased})"
