"""The tables of a configuration: every key with its range, its default and what it means."""

import re
from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from sdr_ota.config.prompt_check import check_prompt

Positive: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count: TypeAlias = Annotated[int, Field(ge=1, le=2**31)]
Seed: TypeAlias = Annotated[int, Field(ge=0, lt=2**63)]


class Table(BaseModel):
    """A table: frozen, and unknown keys are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", str_strip_whitespace=True, allow_inf_nan=False
    )


class RunTable(Table):
    """How long, from which seed, and where the results go."""

    rounds: Count = Field(300, description="rounds over the air")
    seed: Seed = Field(1, description="everything random follows from it")
    folder: str = Field("runs", description="folder in which the run's own folder is made")
    evaluate_every: Count = Field(50, description="rounds between two held-out accuracies")
    patience_evaluations: Count | None = Field(
        None, description="stop after so many evaluations in a row that are no better than the best"
    )
    tensorboard: bool = Field(False, description="also write curves for TensorBoard")


class ModelTable(Table):
    """Which language model is fine-tuned."""

    name: str = Field(
        "builtin", description="builtin, a folder, a .gguf file, or a name on the hub"
    )
    kind: Literal["causal", "classifier"] = Field(
        "causal", description="a language model that is prompted, or a sequence classifier"
    )
    device: str = Field(
        "cpu", description="where it lives: cpu, cuda, cuda:1, mps; auto: an accelerator if there"
    )
    weight_format: Literal["float32", "bfloat16", "float16"] = Field(
        "float32", description="number format of the weights"
    )
    rounding: Literal["nearest", "stochastic"] = Field(
        "nearest", description="of steps of 16-bit weights; stochastic: small ones are not lost"
    )
    base_precision: Literal["float", "int8"] = Field(
        "float", description="of frozen linear layers beside adapters; float: as weight_format says"
    )
    train: Literal["all", "layers", "lora", "prefix"] = Field(
        "all", description="what learns: all weights, some layers, or adapters"
    )
    layers: tuple[str, ...] = Field(
        (), description='with train = "layers": shell patterns of parameter names'
    )
    lora_rank: Count = Field(8, description='with train = "lora"')
    lora_targets: tuple[str, ...] = Field(
        (), description="ends of the names of the layers that LoRA goes beside; else peft chooses"
    )
    prefix_tokens: Count = Field(5, description='with train = "prefix"')
    examples_per_pass: Count | Literal["auto"] = Field(
        "auto",
        description="most examples in a forward pass, which bounds memory; auto: 4096 tokens",
    )

    @field_validator("device")
    @classmethod
    def _known_device(cls, value: str) -> str:
        if re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
            return value
        raise ValueError(f'it is {value!r:.40}; use "cpu", "cuda", "cuda:1", "mps" or "auto"')

    @field_validator("examples_per_pass", mode="before")
    @classmethod
    def _allowed_count(cls, value: object) -> object:
        is_number = isinstance(value, int) and not isinstance(value, bool)
        if value == "auto" or (is_number and 1 <= value <= 2**31):  # type: ignore[operator]
            return value
        raise ValueError(f'it is {value!r:.40}; use a whole number of at least 1, or "auto"')

    @model_validator(mode="after")
    def _fits(self) -> "ModelTable":
        if (self.train == "layers") != bool(self.layers):
            raise ValueError('train = "layers" and the patterns in layers belong together')
        if self.rounding == "stochastic" and self.weight_format == "float32":
            raise ValueError('rounding = "stochastic" needs a weight_format of 16 bits')
        if self.base_precision == "int8" and self.train not in {"lora", "prefix"}:
            raise ValueError('base_precision = "int8" needs train = "lora" or "prefix"')
        if self.lora_targets and self.train != "lora":
            raise ValueError('lora_targets needs train = "lora"')
        if self.train == "prefix" and self.kind == "classifier":
            raise ValueError('train = "prefix" needs kind = "causal"')
        return self


class DataTable(Table):
    """What it learns from. Files are TSV, CSV or JSON lines, relative to the config file."""

    task: str = Field(
        "sst2", description="a task that ships, a plug-in, or any name with a template"
    )
    train: str = Field("builtin", description="file, datasets:NAME, or builtin")
    held_out: str = Field("builtin", description="file, datasets:NAME, or builtin")
    train_limit: Count | None = Field(None, description="use only the first examples")
    held_out_limit: Count | None = Field(None, description="use only the first examples")
    template: str | None = Field(None, description="prompt with {column}s; needs a verbaliser")
    verbaliser: Mapping[str, str] | None = Field(None, description="label to words")
    label_column: str = Field("label", min_length=1, description="column that holds the answer")
    columns: tuple[str, ...] = Field(
        (), description="names of the columns of TSV and CSV files without a header line"
    )

    @model_validator(mode="after")
    def _both_or_none(self) -> "DataTable":
        if (self.template is None) != (self.verbaliser is None):
            raise ValueError("template and verbaliser belong together: give both or neither")
        if self.template is not None and self.verbaliser is not None:
            check_prompt(self.template, self.verbaliser, self.columns, self.label_column)
        return self

    @model_validator(mode="after")
    def _columns_of_files(self) -> "DataTable":
        sources = (self.train, self.held_out)
        named = [one for one in sources if one == "builtin" or one.startswith("datasets:")]
        if self.columns and named:
            raise ValueError(
                f"columns names those of files without a header line, and {named[0]!r} has its "
                "own: leave columns out, or give files for both train and held_out"
            )
        if len(set(self.columns)) < len(self.columns):
            raise ValueError(f"columns = {list(self.columns)} names one twice")
        return self


class ClientsTable(Table):
    """Who computes: each client has one node."""

    count: Count = Field(5, description="clients, and nodes")
    source: Literal["model", "synthetic"] = Field(
        "model", description="a language model, or random scalars to measure the link alone"
    )
    location: Literal["server", "node", "air"] = Field(
        "server",
        description="where clients compute: node is the machine in radio.nodes; air, too, and "
        "nothing but control frames of the receiver's radio leads there",
    )
    sampling_rate: float | None = Field(
        None, gt=0, le=1, description="of the nodes' own files: chance of an example to be drawn"
    )
    examples_per_round: Count = Field(8, description="examples a client probes in a round")
    split: Literal["even", "dirichlet"] = Field("even", description="how data are dealt out")
    dirichlet_alpha: Positive = Field(0.5, description="label skew of the dirichlet split")
    synthetic_scalar_std: Positive = Field(1.0, description="of the synthetic clients' scalars")

    @property
    def are_elsewhere(self) -> bool:
        """Whether clients compute on machines of their own."""
        return self.location != "server"


class PrivacyTable(Table):
    """What is promised about the clients' data; noise comes from the system's entropy."""

    protect: Literal["nothing", "record", "client"] = Field(
        "nothing", description="one example of a client, or all its data, or no promise"
    )
    epsilon: Positive = Field(8.0, le=1e6, description="of the whole run")
    delta: Annotated[float, Field(gt=0, lt=1)] = Field(1e-5, description="of the whole run")
    dataset_epsilon: Positive | None = Field(
        None,
        le=1e6,
        description="most that all runs on the same training data may spend together; by default "
        "epsilon, and no limit for the built-in reviews, which are made up",
    )
    dataset_ledgers: str = Field(
        "",
        description="folder of what they have spent, relative to the config file; by default "
        "sdr-ota/data-sets in the user's state folder",
    )
    neighbours: Literal["add-remove", "replace"] = Field(
        "add-remove",
        description="data sets that cannot be told apart differ in one of these; if it is not "
        'said, "replace" with protect = "client", as in arXiv 2604.12401',
    )
    trust: Literal["local", "server-sees-sum", "channel-noise-trusted"] = Field(
        "local", description="whose noise counts: each client's own, all clients', the receiver's"
    )
    batches: Literal["poisson", "fixed"] = Field(
        "poisson", description="each example drawn on its own, or always the same number"
    )
    schedule: Literal[
        "static",
        "solution",
        "sign-solution",
        "reversed",
        "sign-reversed",
        "online",
        "full-power",
    ] = Field("static", description="how the budget is spread over the rounds")
    contraction: Annotated[float, Field(gt=0, le=1)] = Field(
        0.998, description="A of arXiv 2604.12401, for all schedules but static and full-power"
    )
    sign_error: Annotated[float, Field(ge=0, le=0.5)] = Field(
        0.496,
        description="for sign-solution and sign-reversed: chance that a client's sign is wrong, at "
        "most",
    )
    noise: Literal["digital", "receiver"] = Field(
        "digital", description="clients add noise, or speak softly so that the receiver's protects"
    )

    @property
    def is_subsampled(self) -> bool:
        """Whether secret Poisson batches protect single records."""
        return self.protect == "record" and self.batches == "poisson"

    @model_validator(mode="before")
    @classmethod
    def _neighbours_of_the_paper(cls, said: object) -> object:
        if isinstance(said, Mapping) and said.get("protect") == "client":
            return {"neighbours": "replace", **said}
        return said

    @model_validator(mode="after")
    def _fits(self) -> "PrivacyTable":
        trusted = self.trust == "channel-noise-trusted"
        if self.is_subsampled and self.schedule != "static":
            raise ValueError(
                f"schedule = {self.schedule!r} changes the noise from round to round, which "
                'Poisson batches are not accounted for: use "static", or batches = "fixed"'
            )
        fixed = self.protect == "record" and self.batches == "fixed"
        if fixed and self.neighbours != "replace":
            raise ValueError(
                'batches = "fixed" needs neighbours = "replace": one example more or less changes '
                "which others are drawn"
            )
        if self.noise == "receiver" and not trusted:
            raise ValueError('noise = "receiver" needs trust = "channel-noise-trusted"')
        if self.schedule == "full-power" and not trusted:
            raise ValueError(
                'schedule = "full-power" needs trust = "channel-noise-trusted"; with other trust '
                "it would spend the whole budget on the first round"
            )
        return self


SchemeParameter: TypeAlias = (
    Annotated[int, Field(ge=-(2**31), le=2**31)] | Annotated[float, Field(allow_inf_nan=False)]
)


class RadioTable(Table):
    """Which radios, and how they are set; without addresses they are simulated."""

    receiver: str = Field("", description="address, as driver=pluto,uri=ip:192.168.2.1")
    nodes: tuple[str, ...] = Field((), description="addresses, one a client")
    has_hardware_time: bool = Field(
        True, description="of simulated radios; false: they start late and send cyclic frames"
    )
    processes: bool = Field(
        False,
        description="simulated radios as processes of their own, over ZeroMQ and a GNU Radio air",
    )
    lost_node: Literal["leave-out", "stop"] = Field(
        "leave-out", description="what becomes of the run if a node's radio has gone"
    )
    give_up_after: Count = Field(
        20,
        description="rounds in a row that are lost with a radio or a machine before the run stops; "
        "between them up to 5 s are waited",
    )
    rx_antennas: Literal[1, 2, 4] = Field(
        1, description="of the receiver, of simulated radios with hardware time"
    )
    center_freq_hz: Positive = Field(915e6, le=1e12, description="to which all radios are tuned")
    sample_rate_hz: Positive = Field(1e6, le=1e10, description="of all radios")
    tx_gain_db: float = Field(0.0, description="of every node; fixed during a run")
    rx_gain_db: float = Field(0.0, description="of the receiver; fixed during a run")
    lead_s: Positive = Field(
        0.05,
        le=10,
        description="from the decision to send until the frame begins: what hosts of real radios "
        "need to get samples there; simulated ones take as long",
    )
    key_file: str = Field(
        "",
        description="of control frames, relative to the config file: 32 random bytes or more that "
        "the server and all nodes have and nobody else may read",
    )
    compute_s: Annotated[float, Field(ge=0, le=3600)] = Field(
        0.05, description="that nodes reached by control frames are given to compute in a round"
    )
    transmit_allowed: bool = Field(False, description="real radios send only if this is true")
    longest_burst_s: Positive = Field(
        10.0,
        le=3600,
        description="a Pluto's cyclic frame that lasts longer, or a run that gives no sign of life "
        "for so long, is switched off by a process of its own",
    )

    @property
    def sends_cyclic_frames(self) -> bool:
        """Whether the radios named here have no hardware time: stock Plutos, so far."""
        if self.is_simulated:
            return self.processes or not self.has_hardware_time
        addresses = (self.receiver, *self.nodes)
        return any("driver=pluto" in a and "trigger=external" not in a for a in addresses)

    @property
    def is_simulated(self) -> bool:
        """Whether no real radio is named."""
        return not self.nodes and not self.receiver


class CapturesTable(Table):
    """Which rounds are kept as SigMF recordings in the run folder."""

    every: Annotated[int, Field(ge=0, le=2**31)] = Field(
        50, description="keep the capture of every n-th round; 0 for none of them"
    )
    erased: bool = Field(True, description="keep those of erased rounds too")
    max_megabytes: Positive = Field(
        100.0, description="space for all captures of a run; the oldest make room for new ones"
    )


CalibrationKind: TypeAlias = Literal[
    "gain", "cfo", "timing", "phase", "noise-floor", "linearity", "latency"
]


class CalibrationTable(Table):
    """Calibration records: where they are kept, and which of them a run needs."""

    folder: str = Field("calibration", description="of the records, relative to the config file")
    require: tuple[CalibrationKind, ...] = Field(
        (), description="a run refuses to start unless these are fresh for every node"
    )
    max_age_s: Positive | None = Field(None, description="records expire earlier than by kind")
    full_scale_dbm: float | None = Field(
        None, description="power at the receiver's port that is full scale, if you measured it"
    )


class ReceiverTable(Table):
    """What finds and aligns the payload in a capture."""

    synchronizer: Literal["numpy", "gnuradio"] = Field(
        "numpy", description="in this process, or a GNU Radio flowgraph in a process of its own"
    )
    patience_s: Positive = Field(
        5.0, description="a flowgraph that answers later than this is said to hang"
    )
