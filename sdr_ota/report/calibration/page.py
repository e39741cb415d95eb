"""The report of a calibration: verdicts first, then what each of them rests on."""

from collections.abc import Mapping
from pathlib import Path

from ota_calibration.measure.gain import level_dbm
from ota_calibration.measure.quantities import noise_measurements
from ota_calibration.measure.verdict import LIMITS_DB, Fitness, advice

from sdr_ota.config.load import Config
from sdr_ota.report.calibration.plots import (
    allan_figure,
    idle_figure,
    linearity_figure,
    node_figure,
    offset_figure,
)
from sdr_ota.report.calibration.result import N_BURSTS, BenchResult, NodeResult, valid_for
from sdr_ota.report.calibration.view import measured_cells
from sdr_ota.report.html_page import (
    Cell,
    Figure,
    Section,
    Table,
    Verdict,
    render_markdown,
    render_page,
    save_figures,
)
from sdr_ota.units import amplitude_to_db

_MARKS: Mapping[Fitness, Verdict] = {
    Fitness.COHERENT: "good",
    Fitness.ENERGY: "fair",
    Fitness.VOTE: "fair",
    Fitness.UNUSABLE: "bad",
}


def write_page(result: BenchResult, config: Config, folder: Path) -> None:
    """Write ``report.html``, ``report.md`` and the latter's figures into a folder."""
    sections = [_verdicts(result), _receiver(result, config), _rounds(result, config)]
    sections += _common(result)
    sections += [_node(node, result, config) for node in result.nodes if node.survey is not None]
    sections = [s for s in sections if s.text or s.tables or s.figures]
    title, summary = f"Calibration of {len(result.nodes)} nodes", _summary(result, config)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(render_page(title, summary, sections), encoding="utf-8")
    save_figures(sections, folder, "svg")
    (folder / "report.md").write_text(render_markdown(title, summary, sections), encoding="utf-8")


def _summary(result: BenchResult, config: Config) -> str:
    counts = [n.verdict.fitness for n in result.nodes if n.verdict is not None]
    told = ", ".join(f"{counts.count(f)} {f}" for f in Fitness if f in counts) or "receiver only"
    radio = config.radio
    return (
        f"{result.measured_at:%Y-%m-%d %H:%M} UTC: {told}.\n\n"
        f"{radio.center_freq_hz / 1e6:g} MHz, {radio.sample_rate_hz / 1e6:g} MS/s, receiver "
        f"{result.receiver.receiver} at {result.receiver.rx_gain_db:g} dB. Intervals hold the "
        "truth in 95 of 100 cases if observations are independent; a path that fades slowly is not."
    )


def _verdicts(result: BenchResult) -> Section:
    rows: list[list[str | Cell]] = []
    for node in result.nodes:
        if node.verdict is None:
            continue
        mark = Cell(str(node.verdict.fitness), _MARKS[node.verdict.fitness])
        predicted = [
            f"{node.verdict.nmse_db[name]:.1f}" if name in node.verdict.nmse_db else "-"
            for name in LIMITS_DB
        ]
        rows.append([node.serial, mark, node.verdict.reason, advice(node.verdict), *predicted])
    if not rows:
        return Section("Verdicts")
    headings = ("node", "fit for", "because", "try", *(f"{name}, dB" for name in LIMITS_DB))
    limits = ", ".join(f"{name} {limit:g} dB" for name, limit in LIMITS_DB.items())
    text = (
        "The last columns are the predicted error of a sum in which all nodes are like this one; "
        f"a node is fit for a scheme if it stays below {limits}."
    )
    return Section("Verdicts", text, (Table(headings, rows),))


def _receiver(result: BenchResult, config: Config) -> Section:
    floor = result.floor
    if floor is None:
        return Section("Receiver")
    until = result.measured_at + valid_for("noise-floor", config)
    rows = [[*measured_cells(m)[:2], m.method] for m in noise_measurements(floor)]
    text = "\n\n".join(floor.findings) or (
        "The idle slot holds nothing but thermal noise, as far as tests of shape, bursts and "
        "lines can tell. Privacy claims may use the lower bound, never the value."
    )
    table = Table(("quantity", "value", "method"), rows)
    return Section(f"Receiver, until {until:%Y-%m-%d %H:%M}", text, (table,), (idle_figure(floor),))


def _rounds(result: BenchResult, config: Config) -> Section:
    """Return how long it took from soundings to payloads."""
    if not result.rounds:
        return Section("Rounds")
    until = result.measured_at + valid_for("latency", config)
    rows = [[*measured_cells(m), m.method] for m in result.rounds]
    text = (
        "What was learned of a path in a sounding is this old when the payload is sent. It holds "
        f"frames, a message and the lead, radio.lead_s = {config.radio.lead_s:g} s; what a "
        "shorter lead would do is in the nodes' tables."
    )
    table = Table(("quantity", "value", "rounds", "method"), rows)
    return Section(f"Rounds, until {until:%Y-%m-%d %H:%M}", text, (table,))


def _common(result: BenchResult) -> list[Section]:
    received = [node for node in result.nodes if node.survey is not None]
    if not received:
        return []
    rate, center = received[0].key.sample_rate_hz, received[0].key.center_freq_hz
    figures: list[Figure] = []
    if "cfo" in result.kinds:
        figures += [offset_figure(received), allan_figure(received, rate, center)]
    if any(node.linearity is not None for node in received):
        figures.append(linearity_figure(received))
    return [Section("All nodes", figures=figures)]


def _node(node: NodeResult, result: BenchResult, config: Config) -> Section:
    rows = [
        [
            *measured_cells(m),
            m.method,
            f"{result.measured_at + valid_for(kind, config):%m-%d %H:%M}",
        ]
        for kind, measured in node.measured.items()
        for m in measured
    ]
    gain, reference = node.value("gain_db"), config.calibration.full_scale_dbm
    notes = list(node.notes)
    if gain is not None and reference is not None:
        sent_dbfs = amplitude_to_db(config.link.peak_amplitude)
        level = level_dbm(gain.value, sent_dbfs, reference)
        notes.append(f"at {sent_dbfs:.1f} dBFS it arrives with {level:.1f} dBm")
    table = Table(("quantity", "value", "observations", "method", "until"), rows)
    return Section(f"Node {node.serial}", "\n\n".join(notes), (table,), _node_figures(node, config))


def _node_figures(node: NodeResult, config: Config) -> tuple[Figure, ...]:
    from sdr_ota.config.parts import link_of  # noqa: PLC0415

    frame = link_of(config).frame
    return (node_figure(node, frame, N_BURSTS),)
