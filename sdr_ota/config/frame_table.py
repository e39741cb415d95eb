"""The table of a frame's lengths, and the frame format that it makes with a length of chips."""

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sdr_ota.config.tables import Table
from sdr_ota.signal.frame import FrameFormat
from sdr_ota.signal.node_pilots import LEAST_NODE_PILOT_CHIPS
from sdr_ota.signal.waveform import Pulse

LEAST_SAMPLES_PER_CHIP, MOST_SAMPLES_PER_CHIP = 2, 64
"""Below two a root-raised-cosine pulse does not fit into the band; 64 is the limit of a capture."""

PILOT_CHIPS, NODE_PILOT_CHIPS, PAYLOAD_CHIPS, IDLE_CHIPS = 256, 64, 512, 512
"""Defaults at two samples a chip; longer chips are fewer, so that each part takes the same time."""

LEAST_PILOT_CHIPS, LEAST_PAYLOAD_CHIPS, LEAST_IDLE_CHIPS = 16, 2, 16
"""Fewer are refused: pilot and idle chips are what phases and noise are averaged over."""

MOST_PAYLOAD_CHIPS = 10_000_000

MOST_SYMBOLS = 256

N_BENCHES = 1 << 32


class FrameTable(Table):
    """Lengths of the parts of a frame."""

    chirp_samples: Annotated[int, Field(ge=96, le=65536)] = Field(
        384, description="of each of the preamble's two chirps"
    )
    samples_per_chip: int | Literal["auto"] = Field(
        "auto",
        description="2 to 64; auto: 2, and for schemes that need phases as many as the start "
        "jitter of the simulated air asks for (`sdr-ota plan` says which and why)",
    )
    pilot_chips: int | None = Field(
        None,
        ge=LEAST_PILOT_CHIPS,
        le=1_000_000,
        description="known chips after a preamble, from which a sounding measures the path; if not "
        "set, as long as 256 chips of 2 samples, and at least 16",
    )
    node_pilot_chips: int | None = Field(
        None,
        ge=LEAST_NODE_PILOT_CHIPS,
        le=4096,
        description="before the payload, and as many behind it, in which all nodes show their "
        "gains at the same time, each by a code of its own; if not set, as long as 64 chips of 2 "
        "samples, and at least 8",
    )
    payload_chips: int | None = Field(
        None,
        ge=LEAST_PAYLOAD_CHIPS,
        le=MOST_PAYLOAD_CHIPS,
        description="in which all nodes send their symbols; more chips, less noise in the sum; if "
        "neither this nor payload_s is set, as long as 512 chips of 2 samples",
    )
    payload_s: float | None = Field(
        None,
        gt=0,
        description="instead of payload_chips: their number times a chip's length; not with "
        "cyclic frames",
    )
    idle_chips: int | None = Field(
        None,
        ge=LEAST_IDLE_CHIPS,
        le=1_000_000,
        description="of silence in which the receiver measures its noise; if not set, as long as "
        "512 chips of 2 samples, and at least 16",
    )
    guard_samples: Annotated[int, Field(ge=16, le=1_000_000)] = Field(
        64, description="of silence between the parts"
    )
    symbols: Annotated[int, Field(ge=1, le=MOST_SYMBOLS)] = Field(
        1,
        description="numbers of a node that a frame carries behind one preamble and sounding: each "
        "has a payload of its own, and the frame has node pilots once. A run sends one direction's "
        "scalar in each",
    )
    bench: int | Literal["auto"] = Field(
        "auto",
        description="number of the bench, 0 to 2^32 - 1, which makes its pilots and turns its "
        "payload: two benches that may receive each other need two numbers; auto: made from the "
        "addresses of its radios, its frequency and run.seed; 0 for simulated radios",
    )

    @field_validator("samples_per_chip", mode="before")
    @classmethod
    def _allowed_samples(cls, value: object) -> object:
        if value == "auto" or (
            type(value) is int and LEAST_SAMPLES_PER_CHIP <= value <= MOST_SAMPLES_PER_CHIP
        ):
            return value
        raise ValueError(
            f"it is {value!r:.40}; use a whole number from {LEAST_SAMPLES_PER_CHIP} to "
            f'{MOST_SAMPLES_PER_CHIP}, or "auto"'
        )

    @field_validator("bench", mode="before")
    @classmethod
    def _allowed_bench(cls, value: object) -> object:
        if value == "auto" or (type(value) is int and 0 <= value < N_BENCHES):
            return value
        raise ValueError(
            f'it is {value!r:.40}; use a whole number from 0 to {N_BENCHES - 1}, or "auto"'
        )

    @model_validator(mode="after")
    def _one_payload_length(self) -> "FrameTable":
        if self.payload_chips is not None and self.payload_s is not None:
            raise ValueError(
                f"payload_chips = {self.payload_chips} and payload_s = {self.payload_s:g} are two "
                "lengths of one payload: give one of them"
            )
        return self


def n_payload_chips(table: FrameTable, samples_per_chip: int, sample_rate_hz: float) -> int:
    """Return how many chips a payload has.

    Args:
        table: What is asked for.
        samples_per_chip: Chosen, 2 to 64.
        sample_rate_hz: Samples a second.

    Raises:
        ValueError: If ``payload_s`` makes more or fewer chips than are allowed.
    """
    if table.payload_s is None:
        return table.payload_chips or _as_long(PAYLOAD_CHIPS, samples_per_chip, LEAST_PAYLOAD_CHIPS)
    n_chips = round(table.payload_s * sample_rate_hz / samples_per_chip)
    if LEAST_PAYLOAD_CHIPS <= n_chips <= MOST_PAYLOAD_CHIPS:
        return n_chips
    chip_s = samples_per_chip / sample_rate_hz
    raise ValueError(
        f"frame.payload_s = {table.payload_s:g} is {n_chips} chips of {chip_s * 1e6:g} us; allowed "
        f"are {LEAST_PAYLOAD_CHIPS} to {MOST_PAYLOAD_CHIPS} chips, here "
        f"{LEAST_PAYLOAD_CHIPS * chip_s:g} to {MOST_PAYLOAD_CHIPS * chip_s:g} s"
    )


def frame_format(
    table: FrameTable, samples_per_chip: int, sample_rate_hz: float, bench: int = 0
) -> FrameFormat:
    """Return the frame format that a table asks for.

    What is given is taken as it is. What is not has the time of its default number of chips at
    two samples a chip, rounded to whole chips; the pulse's tails come on top.

    Args:
        table: What is asked for.
        samples_per_chip: Chosen, 2 to 64.
        sample_rate_hz: Samples a second.
        bench: Number of the bench.

    Raises:
        ValueError: As `n_payload_chips`.
    """
    return FrameFormat(
        n_chirp=table.chirp_samples,
        n_pilot_chips=table.pilot_chips
        or _as_long(PILOT_CHIPS, samples_per_chip, LEAST_PILOT_CHIPS),
        n_payload_chips=n_payload_chips(table, samples_per_chip, sample_rate_hz),
        n_node_pilot_chips=table.node_pilot_chips
        or _as_long(NODE_PILOT_CHIPS, samples_per_chip, LEAST_NODE_PILOT_CHIPS),
        n_idle_chips=table.idle_chips or _as_long(IDLE_CHIPS, samples_per_chip, LEAST_IDLE_CHIPS),
        guard_samples=table.guard_samples,
        pulse=Pulse(samples_per_chip),
        bench=bench,
        n_symbols=table.symbols,
    )


def _as_long(n_chips_of_two: int, samples_per_chip: int, least: int) -> int:
    """Return how many chips take as long as so many chips of two samples."""
    return max(round(n_chips_of_two * LEAST_SAMPLES_PER_CHIP / samples_per_chip), least)
