"""The report of one run, or of several side by side, as sections of a page."""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress

from matplotlib.figure import Figure as Drawing
from ota_calibration.privacy.ledger_record import LedgerError
from ota_calibration.privacy.spending import privacy_spending

from sdr_ota.config.load import Config
from sdr_ota.printable import printable
from sdr_ota.report.energy import (
    energy_words,
    packet_energy_j,
    radio_energy_j,
    upload_energy_j,
)
from sdr_ota.report.erasure_words import first_check, situation_of
from sdr_ota.report.figures import (
    capture_figure,
    carrier_figure,
    clipping_figure,
    erasures_figure,
    learning_figure,
    nmse_figure,
    privacy_figure,
    sums_figure,
)
from sdr_ota.report.html_page import Figure, Section, Table
from sdr_ota.report.named_run import NamedRun, different_keys, flat_settings
from sdr_ota.report.plots import house_style
from sdr_ota.report.run_table import aligned_rows, table_rows
from sdr_ota.runs.captures import CaptureError, StoredCapture, read_capture, stored_captures
from sdr_ota.runs.run_folder import RunRecord
from sdr_ota.runs.summary import Summary, summarise

MOST_CAPTURES_READ = 20
"""Of a run's last captures: one that came through is looked for among them."""

COST_ROWS = (
    "sent by a client",
    "as gradients",
    "gradients over scalars",
    "time on the air",
    "with gradients",
    "with gradients over with scalars",
    "energy of a node on the air, at most",
    "energy with DeComFL, a packet a round",
    "energy of gradients, at least",
)

_log = logging.getLogger(__name__)


def report_title(runs: Sequence[NamedRun]) -> str:
    """Return the heading of the page."""
    alone = len(runs) == 1
    return f"Run {runs[0].run.folder.name}" if alone else f"{len(runs)} runs side by side"


def report_summary(runs: Sequence[NamedRun]) -> str:
    """Return what the page is about, in a sentence a run."""
    return "\n\n".join(_sentence(named) for named in runs)


def report_sections(runs: Sequence[NamedRun]) -> list[Section]:
    """Return the whole report; sections without anything to show are left out."""
    drawn = [NamedRun(printable(named.name), named.run) for named in runs]
    with house_style():
        sections = [
            Section("Figures of the run", tables=[_numbers(runs)]),
            _learning(drawn),
            _link(drawn),
            _captures(drawn),
            _erasures(drawn),
            _privacy(drawn),
            _cost(runs),
            _settings(runs),
            _machine(runs),
        ]
    return [s for s in sections if s.text or s.tables or s.figures]


def _sentence(named: NamedRun) -> str:
    run, settings = named.run, flat_settings(named.run.start.get("config"))
    lost = sum(r.erasure is not None for r in run.rounds)
    air = settings.get("air.preset") if not settings.get("radio.receiver") else "real radios"
    return (
        f"{run.folder}: {settings.get('clients.count', '?')} nodes, scheme "
        f"{settings.get('link.scheme', '?')}, over {air}; {len(run.rounds)} rounds, {lost} erased; "
        f"began {run.start.get('began_at', 'unknown')}; {run.stop.get('ending', 'not ended')}."
    )


def _numbers(runs: Sequence[NamedRun]) -> Table:
    return Table(_headings(runs), table_rows([named.run for named in runs]))


def _headings(runs: Sequence[NamedRun]) -> Sequence[str]:
    return ("", *(named.name for named in runs)) if len(runs) > 1 else ()


def _learning(runs: Sequence[NamedRun]) -> Section:
    caption = (
        "Score of held-out examples (right), their loss and the training loss over the rounds "
        "(left); private clients do not tell their losses."
    )
    return Section("Learning", figures=_figures((learning_figure(runs), caption, "learning")))


def _link(runs: Sequence[NamedRun]) -> Section:
    return Section(
        "Decoded sums",
        figures=_figures(
            (
                nmse_figure(runs),
                "Normalised mean square error of the decoded sum in windows of rounds. Points are "
                "measured, lines are what theory expects of the same rounds; both are divided by "
                "the mean squared sum of the whole run.",
                "nmse",
            ),
            (
                sums_figure(runs),
                "Decoded against true sums of the scalars' symbols (left), and the error of every "
                "round beside two standard deviations by theory (right).",
                "sums",
            ),
            (
                clipping_figure(runs),
                "Scalars before the clip, over the limit in force. What lies above 1 was clipped: "
                "the decoded sum is that of the clipped scalars.",
                "clipping",
            ),
            (
                carrier_figure(runs),
                "Residual carrier offset and phase of the lead node's preamble: what the sounding "
                "before it did not foresee.",
                "carrier",
            ),
        ),
    )


def _captures(runs: Sequence[NamedRun]) -> Section:
    """Show the last capture of each run that came through, or the last one."""
    found = [(named.name, last) for named in runs if (last := _last_capture(named.run))]
    caption = (
        "Spectrum of a whole capture, preamble, payload and silence (left), and the aligned chips "
        "of its payload (right). Of coherent amplitudes the spreading is taken off, so that chips "
        "lie around the sum; of other schemes phases are random, and energies carry the sum."
    )
    return Section("On the air", figures=_figures((capture_figure(found), caption, "capture")))


def _last_capture(run: RunRecord) -> StoredCapture | None:
    captures, wrong = [], None
    for path in stored_captures(run.folder)[-MOST_CAPTURES_READ:]:
        try:
            captures.append(read_capture(path))
        except CaptureError as unusable:
            wrong = unusable
    if wrong and not captures:
        _log.warning("the report shows no capture: %s", wrong)
    decoded = [capture for capture in captures if capture.result.erasure is None]
    return next(reversed(decoded or captures), None)


def _erasures(runs: Sequence[NamedRun]) -> Section:
    figure = erasures_figure(runs)
    if figure is None:
        return Section("Erasures", "No round was erased.")
    caption = "Rounds that were erased, by reason; in brackets how many."
    details = {
        (named.name, r.erasure): r.detail for named in runs for r in named.run.rounds if r.erasure
    }
    alone = len(runs) == 1
    situations = {named.name: situation_of(named.run.start) for named in runs}
    rows = [
        (
            str(reason) if alone else f"{name}: {reason}",
            detail,
            first_check(str(reason), situations[name]),
        )
        for (name, reason), detail in details.items()
    ]
    table = Table(("reason", "the last one in its own words", "check first"), rows)
    return Section("Erasures", "", [table], _figures((figure, caption, "erasures")))


def _privacy(runs: Sequence[NamedRun]) -> Section:
    curves = []
    for named in runs:
        with suppress(LedgerError):  # the table of figures says that it cannot be read
            spending = privacy_spending(named.run.folder)
            if spending is not None:
                curves.append((named.name, spending.promised, spending.curve))
    caption = (
        "Epsilon spent, as the ledger says; what is paid for stays paid for, even if the round "
        "was erased."
    )
    return Section("Privacy spent", figures=_figures((privacy_figure(curves), caption, "privacy")))


def _cost(runs: Sequence[NamedRun]) -> Section:
    summaries = [summarise(named.run) for named in runs]
    if all(s.gradient_bits_per_client is None for s in summaries):
        return Section("Cost beside first-order federated learning")
    columns = [_cost_column(summary) for summary in summaries]
    rows = [(name, *cells) for name, *cells in zip(COST_ROWS, *columns, strict=True)]
    text = (
        "First-order federated averaging would send a gradient a round. Bits: half precision "
        "for every entry of it. Air time: the same soundings and frames, with one entry a chip "
        "and no averaging over chips, the fastest that the same waveform allows. Energy: the "
        "documentation has its sources, and what it leaves out, in explanation/energy.md."
    )
    return Section(
        "Cost beside first-order federated learning", text, [Table(_headings(runs), rows)]
    )


def _cost_column(summary: Summary) -> list[str]:
    bits, gradient_bits = summary.bits_per_client, summary.gradient_bits_per_client
    air_s, gradient_air_s = summary.air_s, summary.gradient_air_s
    return [
        f"{bits:,} bit",
        f"{gradient_bits:,} bit" if gradient_bits else "–",
        f"{gradient_bits / bits:,.0f}" if gradient_bits and bits else "–",
        f"{air_s:,.2f} s" if air_s is not None else "–",
        f"{gradient_air_s:,.2f} s" if gradient_air_s is not None else "–",
        f"{gradient_air_s / air_s:,.0f}" if gradient_air_s and air_s else "–",
        energy_words(radio_energy_j(air_s)) if air_s is not None else "–",
        energy_words(packet_energy_j(summary.rounds)),
        energy_words(upload_energy_j(gradient_bits)) if gradient_bits else "–",
    ]


def _settings(runs: Sequence[NamedRun]) -> Section:
    settings = [_written(flat_settings(named.run.start.get("config"))) for named in runs]
    if not any(settings):
        return Section("Settings", "The start record holds no configuration.")
    defaults = _written(flat_settings(Config().model_dump(mode="json")))
    changed = different_keys([defaults, *settings])
    rows = aligned_rows([*settings, defaults])
    differs = Table(
        ("key", *(named.name for named in runs), "default"), [r for r in rows if r[0] in changed]
    )
    rest = Table(("key", "default"), [(r[0], r[-1]) for r in rows if r[0] not in changed])
    if not changed:
        return Section("Settings", "All settings are the defaults.", [rest])
    return Section(
        "Settings", "First what differs from the defaults, then all the rest.", [differs, rest]
    )


def _written(settings: Mapping[str, object]) -> dict[str, str]:
    return {key: json.dumps(value, default=str) for key, value in settings.items()}


def _machine(runs: Sequence[NamedRun]) -> Section:
    rows = aligned_rows([_machine_column(named.run) for named in runs])
    return Section("Machine, versions, radios", tables=[Table(_headings(runs), rows)])


def _machine_column(run: RunRecord) -> dict[str, str]:
    column = {"machine": str(run.start.get("machine", "–")), "code": str(run.start.get("git", "–"))}
    versions = run.start.get("versions")
    column |= {str(k): str(v) for k, v in (versions if isinstance(versions, dict) else {}).items()}
    for place, radio in enumerate(_listed(run.start.get("radios"))):
        name = "receiver" if place == 0 else f"node {place - 1}"
        column[name] = ", ".join(f"{radio[key]}" for key in ("driver", "serial") if radio.get(key))
    return column


def _listed(value: object) -> list[Mapping[str, object]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _figures(*drawn: tuple[Drawing | None, str, str]) -> list[Figure]:
    return [Figure(caption, drawing, name) for drawing, caption, name in drawn if drawing]
