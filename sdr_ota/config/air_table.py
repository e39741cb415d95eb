"""The table of the simulated air: a preset, and what is different from it."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sdr_ota.air.presets import air_preset
from sdr_ota.config.tables import Seed, Table


class AirTable(Table):
    """The simulated air: a preset, and what is different from it."""

    preset: str = Field("lab-wired", description="`sdr-ota presets` lists them; or a plug-in")
    seed: Seed | None = Field(None, description="run.seed if not given")
    snr_db: float | None = Field(
        None, ge=-60, le=120, description="full-scale node through 0 dB over noise, per sample"
    )
    path_gain_db: float | None = Field(None, ge=-120, le=0, description="mean of the nodes")
    path_gain_spread_db: float | None = Field(None, ge=0, le=40, description="between nodes")
    interferer: str | None = Field(
        None,
        description="recording (SigMF, .wav) that plays on the air all the time, relative to the "
        "config file",
    )
    interferer_db: float | None = Field(
        None, ge=-120, le=60, description="its mean power over full scale; -20 if not given"
    )
    channel: str | None = Field(
        None,
        description="file with the nodes' paths in place of the preset's (.npz, .mat, .h5, "
        ".sigmf-meta, .csv, a run's soundings.jsonl), relative to the config file; their mean "
        "power becomes path_gain_db",
    )
    channel_end: Literal["refuse", "mirror"] | None = Field(
        None,
        description="where the file ends before the run: refuse (if not given), or mirror, "
        "backwards and forwards in turn",
    )
    channel_antenna: Annotated[int, Field(ge=0)] | None = Field(
        None, description="of its receive antennas, from 0; 0 if not given"
    )

    control_latency_s: Annotated[float, Field(ge=0, le=60)] = Field(
        2e-3,
        description="of a control message to all nodes, in the simulated world's time; with real "
        "radios, what plans expect of it",
    )
    round_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.25,
        description="that a round takes at least, in the simulated world's time: probes, frames, "
        "leads and messages",
    )

    @model_validator(mode="after")
    def _known_preset(self) -> "AirTable":
        preset = air_preset(self.preset)
        if self.interferer_db is not None and not (self.interferer or preset.interferer):
            raise ValueError("interferer_db is the level of a recording: name it in air.interferer")
        self._check_channel(preset.channel)
        return self

    def _check_channel(self, of_preset: str) -> None:
        if self.channel or of_preset:
            if self.path_gain_spread_db is not None:
                raise ValueError("path_gain_spread_db is in the channel file: leave it out")
        elif self.channel_end is not None or self.channel_antenna is not None:
            raise ValueError(
                "channel_end and channel_antenna are of a file: name it in air.channel"
            )
