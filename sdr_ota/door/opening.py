"""Open a bench from Python: the radios that a configuration names."""

from contextlib import ExitStack
from dataclasses import replace

from sdr_ota.assembly import bench as assembly
from sdr_ota.assembly.fresh_records import required_records
from sdr_ota.assembly.scheme_choice import with_chosen_scheme
from sdr_ota.config.load import Config
from sdr_ota.config.parts import link_of, simulated_air
from sdr_ota.door.errors import door_errors
from sdr_ota.door.experiment import Changes, ConfigSource, Experiment, experiment_of
from sdr_ota.door.mean_bench import MeanBench
from sdr_ota.failure import WRONG_USE, CommandFailed


def open_bench(
    config: ConfigSource = None,
    *,
    set: Changes | None = None,
) -> MeanBench:
    """Open the radios that a configuration names: simulated, virtual or real.

    Of the configuration the tables ``link``, ``frame``, ``radio``, ``band``, ``air``, ``receiver``
    and ``calibration`` count, ``clients.count`` for simulated nodes, and ``run.seed``. The rules
    for transmitting hold: real radios need ``radio.transmit_allowed``, a ``[[band]]``, and keep
    its duty cycle.

    Args:
        config: A TOML file, its tables as a dict, or None for the demo's five simulated nodes.
        set: Values that replace those of the configuration, as ``{"air.preset": "ideal"}``.

    Raises:
        SdrOtaError: If the configuration or a radio cannot be used.
    """
    with door_errors():
        experiment = experiment_of(config, set)
        _refuse_promises(experiment.config)
        return _opened(replace(experiment, config=with_chosen_scheme(experiment.config)))


def _opened(experiment: Experiment) -> MeanBench:
    config = experiment.config
    with ExitStack() as stack:
        air = simulated_air(config)
        bench = stack.enter_context(assembly.open_bench(config, air))
        required_records(config, experiment.home, bench, experiment.name)
        link = stack.enter_context(assembly.receiving(link_of(config), config))
        return MeanBench(config, bench, link, air, stack.pop_all())


def _refuse_promises(config: Config) -> None:
    """Refuse what numbers that are simply given cannot keep.

    Raises:
        CommandFailed: If the configuration promises privacy, or lets nodes compute elsewhere.
    """
    if config.privacy.protect != "nothing":
        raise CommandFailed(
            f'privacy.protect = "{config.privacy.protect}": a bench sends the numbers that it is '
            'given, without noise and without an account; set privacy.protect = "nothing", or '
            "use sdr_ota.run",
            WRONG_USE,
        )
    if config.clients.location != "server":
        raise CommandFailed(
            f'clients.location = "{config.clients.location}": a bench sends numbers that it is '
            'given here; set clients.location = "server", or use sdr_ota.run',
            WRONG_USE,
        )
