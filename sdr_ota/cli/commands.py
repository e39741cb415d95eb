"""The commands in the groups and the order of ``sdr-ota --help``; each declares itself."""

import typer

from sdr_ota.cli.audit import audit
from sdr_ota.cli.calibrate import calibrate
from sdr_ota.cli.companion import companion
from sdr_ota.cli.compare import compare
from sdr_ota.cli.dataset import dataset
from sdr_ota.cli.decode import decode
from sdr_ota.cli.doctor import doctor
from sdr_ota.cli.export import export
from sdr_ota.cli.find import find
from sdr_ota.cli.listen import listen
from sdr_ota.cli.node import node
from sdr_ota.cli.plan import plan
from sdr_ota.cli.presets import presets
from sdr_ota.cli.probe import probe
from sdr_ota.cli.replay import replay
from sdr_ota.cli.report import report
from sdr_ota.cli.run import run
from sdr_ota.cli.selftest import selftest
from sdr_ota.cli.sign_study import sign_study
from sdr_ota.cli.sweep import sweep
from sdr_ota.cli.virtual_pluto import virtual_pluto
from sdr_ota.cli.virtual_soapy import virtual_soapy
from sdr_ota.cli.watch import watch


def register(app: typer.Typer) -> None:
    """Add every command to the application, in the order and groups of ``--help``."""
    groups = {
        "Begin here": (run, plan, report),
        "More from runs": (watch, replay, decode, export, sweep, sign_study),
        "Without radios": (presets, compare, audit, dataset),
        "Real radios": (doctor, find, probe, listen, selftest, calibrate, node),
        "Radios in software": (virtual_pluto, virtual_soapy, companion),
    }
    for group, commands in groups.items():
        for command in commands:
            app.command(command.__name__.replace("_", "-"), rich_help_panel=group)(command)
