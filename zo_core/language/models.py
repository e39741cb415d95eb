"""Load a model and its tokenizer: by name, from a folder, or the built-in small OPT."""

import re
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import torch
from huggingface_hub import constants
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from zo_core.language.own_logits import ScoresDifferError, check_causal, check_classifier
from zo_core.language.quiet import quiet_transformers
from zo_core.language.small_opt import Progress, prepare_builtin

BUILTIN = "builtin"
GGUF = ".gguf"

WeightFormat = Literal["float32", "bfloat16", "float16"]
_Reader = Callable[..., PreTrainedModel]
_Check = Callable[[PreTrainedModel, PreTrainedTokenizerBase], None]

_HUB_TIMEOUT_S = 10.0


class ModelUnavailableError(OSError):
    """A model can be found neither on this machine nor on the hub, or cannot be read."""


@dataclass(frozen=True)
class LanguageModel:
    """A language model in evaluation mode, with its tokenizer.

    Attributes:
        model: A causal language model or a sequence classifier; every weight is trainable.
        tokenizer: Its tokenizer.
        name: What it was asked for by.
    """

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    name: str


def load_model(
    name: str, weight_format: WeightFormat = "float32", progress: Progress | None = None
) -> LanguageModel:
    """Load a causal language model and see to it that its words are scored as it scores them.

    What is on this machine is taken without asking the network. The global random state is
    left as it was.

    Args:
        name: ``builtin`` for the small OPT that is prepared on this machine, a folder, a
            ``.gguf`` file, whose packed weights become those of ``weight_format``, or a name on
            the Hugging Face hub such as ``facebook/opt-125m``.
        weight_format: Number format of the weights.
        progress: Told of the steps while the built-in model is prepared.

    Returns:
        Model, tokenizer and name.

    Raises:
        ModelUnavailableError: There is no such model here, and the hub cannot be reached or
            does not have it; or its own logits are not what its loss would be made of.
        CacheError: The built-in model cannot be written to the cache.
    """
    source = str(prepare_builtin(progress)) if name == BUILTIN else _source(name)
    reader = partial(AutoModelForCausalLM.from_pretrained, dtype=getattr(torch, weight_format))
    return _checked(_load(source, name, reader), check_causal)


def load_classifier(
    name: str, n_labels: int, weight_format: WeightFormat = "float32", seed: int = 0
) -> LanguageModel:
    """Load a sequence classifier: RoBERTa, BERT, OPT, LLaMA, Qwen and others.

    Where the model has no classifying head yet, one is drawn from the seed, so that every
    client starts from the same bits.

    Args:
        name: A folder, or a name on the Hugging Face hub such as ``roberta-base``.
        n_labels: Labels of the task, at least 2.
        weight_format: Number format of the weights.
        seed: Of a new head.

    Returns:
        Model, tokenizer and name.

    Raises:
        ModelUnavailableError: There is no such model here, and the hub cannot be reached or
            does not have it; or it says something else of a text in a batch than alone.
    """
    reader = partial(
        AutoModelForSequenceClassification.from_pretrained,
        dtype=getattr(torch, weight_format),
        num_labels=n_labels,
    )
    loaded = _load(_source(name), name, reader, seed)
    if loaded.model.config.pad_token_id is None:
        loaded.model.config.pad_token_id = loaded.tokenizer.eos_token_id
    return _checked(loaded, check_classifier)


def _source(name: str) -> str:
    folder = Path(name).expanduser()
    if name.endswith(GGUF):
        return str(_gguf_file(folder))
    if folder.is_dir():
        if not (folder / "config.json").is_file():
            raise ModelUnavailableError(
                f"folder {folder} holds no model: it has no config.json; give a folder that "
                "save_pretrained wrote"
            )
        return str(folder)
    if name.count("/") > 1 or name.startswith((".", "/", "~")) or not name.strip():
        raise ModelUnavailableError(
            f"there is no model folder {name!r}; give an existing folder, a name on the hub such "
            f"as 'facebook/opt-125m', or '{BUILTIN}'"
        )
    return name


def _gguf_file(path: Path) -> Path:
    if not path.is_file():
        raise ModelUnavailableError(f"there is no model file {path}; give an existing {GGUF} file")
    if find_spec("gguf") is None:
        raise ModelUnavailableError(
            f"model {path} needs the package gguf, which is not installed: pip install "
            "'sdr-ota[llm]'"
        )
    return path


def _load(source: str, name: str, reader: _Reader, seed: int = 0) -> LanguageModel:
    """Read model and tokenizer, from this machine if they are here, and make them ready."""
    with torch.random.fork_rng(devices=[]), quiet_transformers():
        torch.default_generator.manual_seed(seed)
        model, tokenizer = _found(source, name, reader)
    # Hub tokenizers of the OPT family do not say how long a text the model can take.
    tokenizer.model_max_length = min(tokenizer.model_max_length, _longest_text(model))
    model.eval()  # type: ignore[no-untyped-call]
    return LanguageModel(model, tokenizer, name)


def _longest_text(model: PreTrainedModel) -> int:
    """Return how many tokens a model has places for."""
    for name, module in model.named_modules():
        # RoBERTa and its kin count places from behind the padding token's.
        if name.endswith("position_embeddings") and isinstance(module, torch.nn.Embedding):
            taken = 0 if module.padding_idx is None else module.padding_idx + 1
            return module.num_embeddings - taken
    # Without an attention window (BLOOM, Mamba) there is no such key and no limit.
    n_positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return n_positions or sys.maxsize


def _checked(loaded: LanguageModel, check: _Check) -> LanguageModel:
    """Return a model whose scores are its own.

    Raises:
        ModelUnavailableError: They are not.
    """
    try:
        check(loaded.model, loaded.tokenizer)
    except ScoresDifferError as wrong:
        raise ModelUnavailableError(f"model {loaded.name!r}: {wrong}") from wrong
    return loaded


def _found(
    source: str, name: str, reader: _Reader
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    try:
        return _read(source, reader, only_here=True)
    except Exception as error:  # the readers of damaged files raise what they like
        if Path(source).exists():
            raise ModelUnavailableError(
                f"the model in {source} cannot be read: {_why_not(Path(source), error)}"
            ) from error
    if not _hub_answers():
        raise ModelUnavailableError(
            f"model {name!r} is not on this machine and the hub at {constants.ENDPOINT} cannot be "
            "reached; download it on a machine with network and give the folder, or use the model "
            f"'{BUILTIN}', which needs no network"
        )
    try:
        return _read(source, reader, only_here=False)
    except (OSError, ValueError) as error:
        raise ModelUnavailableError(
            f"model {name!r} cannot be loaded from the hub: {_reason(error)}"
        ) from error


def _read(
    source: str, reader: _Reader, only_here: bool
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    # A model folder is data: code in it is not run, nor asked about; pickled weights are code too.
    where: dict[str, object] = {"local_files_only": only_here, "trust_remote_code": False}
    if source.endswith(GGUF):  # transformers makes floating-point weights of the packed ones
        source, where["gguf_file"] = str(Path(source).parent), Path(source).name
    tokenizer = AutoTokenizer.from_pretrained(source, **where)
    return reader(source, use_safetensors=True, **where), tokenizer


def _hub_answers() -> bool:
    # The loader itself tries for more than 20 s before it gives up.
    request = urllib.request.Request(constants.ENDPOINT, method="HEAD")
    try:
        with urllib.request.urlopen(request, timeout=_HUB_TIMEOUT_S):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def _why_not(folder: Path, error: Exception) -> str:
    if any(folder.glob("*.bin")) and not any(folder.glob("*.safetensors")):
        return (
            "its weights are pickled (*.bin), which can run code when they are read; save them "
            "as safetensors"
        )
    return _reason(error)


def _reason(error: Exception) -> str:
    said = str(error).strip().partition("\n")[0]
    # transformers lists all its classes where a family has none of the kind that is asked for.
    missing = re.search(r"Unrecognized configuration.*?(\w+)Config'?>.*?AutoModelFor(\w+)", said)
    if "ignore_mismatched_sizes" in said:
        return "its head is not for as many labels as the task has; give it one that is, or none"
    if missing is None:
        return said
    family, asked = missing.groups()
    other = "classifier" if asked == "CausalLM" else "causal"
    return f'transformers has no {family}For{asked}; try model.kind = "{other}"'
