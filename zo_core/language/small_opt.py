"""A small OPT that is prepared on the user's machine: ordinary first-order pre-training.

Random weights do not fine-tune by zeroth-order steps: a direction that helps has to exist
before it can be found. So the weights are first trained as a language model on sentences
without labels. The result is a normal Hugging Face folder, kept in a cache.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Regex, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.normalizers import Lowercase
from tokenizers.pre_tokenizers import Split
from tokenizers.processors import TemplateProcessing
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import OPTConfig, OPTForCausalLM, PreTrainedTokenizerFast

from zo_core.data.folder_cache import cached_folder, default_cache_dir
from zo_core.data.reviews import grammar_text, unlabelled_reviews
from zo_core.directions.threads import one_thread
from zo_core.language.quiet import quiet_transformers

Progress = Callable[[int, int, float], None]
"""Called now and then with (steps done, steps in all, loss in nats a token)."""

RECIPE_VERSION = 1
"""Raised when the code below changes what comes out."""

_UNUSED, _PAD, _END, _UNKNOWN = "<s>", "<pad>", "</s>", "<unk>"
_PAD_ID = 1
_WORD = r"[\w'-]+|[^\w\s]"
_REPORT_EVERY = 20


@dataclass(frozen=True)
class SmallOptRecipe:
    """Shape and pre-training of a small OPT.

    Attributes:
        hidden_size: Width of the model.
        n_layers: Number of decoder layers.
        n_heads: Attention heads a layer; divides hidden_size.
        max_positions: Longest text in tokens; longer texts of the corpus are cut.
        max_vocabulary: Most words of the vocabulary, the most frequent ones.
        min_word_count: A rarer word is unknown to the tokenizer.
        n_steps: AdamW steps.
        texts_per_step: Texts in the batch of a step.
        peak_learning_rate: Learning rate after the warm-up; it falls linearly over the last
            40 % of the steps.
        init_std: Standard deviation of the initial weights.
        seed: Seed of the initial weights and of the order of the texts.
    """

    hidden_size: int = 64
    n_layers: int = 2
    n_heads: int = 4
    max_positions: int = 256
    max_vocabulary: int = 8192
    min_word_count: int = 2
    n_steps: int = 1200
    texts_per_step: int = 16
    peak_learning_rate: float = 6e-3
    init_std: float = 0.05
    seed: int = 0


BUILTIN_RECIPE = SmallOptRecipe(seed=1)
BUILTIN_CORPUS_SEED = 2604
BUILTIN_CORPUS_REVIEWS = 20_000


def prepare_builtin(
    progress: Progress | None = None,
    recipe: SmallOptRecipe = BUILTIN_RECIPE,
    cache_dir: Path | None = None,
) -> Path:
    """Give the folder of the built-in small OPT; made at the first call, about half a minute.

    Args:
        progress: Told of the steps while the model is made.
        recipe: Shape and pre-training.
        cache_dir: Folder that keeps prepared models; the user's cache by default.

    Returns:
        A Hugging Face folder with model and tokenizer.

    Raises:
        CacheError: The cache cannot be written.
    """
    source = [grammar_text(), BUILTIN_CORPUS_REVIEWS, BUILTIN_CORPUS_SEED]
    return _prepare(_builtin_corpus, source, recipe, progress or _silent, cache_dir)


def prepare(
    corpus: Sequence[str],
    recipe: SmallOptRecipe,
    progress: Progress | None = None,
    cache_dir: Path | None = None,
) -> Path:
    """Give the folder of a small OPT pre-trained on texts; made where the cache lacks it.

    Args:
        corpus: Texts without labels, one string each.
        recipe: Shape and pre-training.
        progress: Told of the steps while the model is made.
        cache_dir: Folder that keeps prepared models; the user's cache by default.

    Returns:
        A Hugging Face folder with model and tokenizer.

    Raises:
        ValueError: The corpus is empty.
        CacheError: The cache cannot be written.
    """
    if not any(text.strip() for text in corpus):
        raise ValueError("the corpus for pre-training is empty; it needs at least one text")
    return _prepare(lambda: corpus, list(corpus), recipe, progress or _silent, cache_dir)


def _builtin_corpus() -> Sequence[str]:
    return list(unlabelled_reviews(BUILTIN_CORPUS_REVIEWS, BUILTIN_CORPUS_SEED))


def _prepare(
    corpus: Callable[[], Sequence[str]],
    source: object,
    recipe: SmallOptRecipe,
    progress: Progress,
    cache_dir: Path | None,
) -> Path:
    def fill(folder: Path) -> None:
        texts = corpus()
        tokenizer = build_tokenizer(texts, recipe)
        with one_thread():
            model = pretrain(texts, tokenizer, recipe, progress)
        with quiet_transformers():
            model.save_pretrained(folder)
            tokenizer.save_pretrained(folder)

    key = {"version": RECIPE_VERSION, "recipe": asdict(recipe), "source": source}
    return cached_folder(cache_dir or default_cache_dir(), "small-opt", key, fill)


def build_tokenizer(corpus: Sequence[str], recipe: SmallOptRecipe) -> PreTrainedTokenizerFast:
    """Make a tokenizer whose tokens are the lower-case words and marks of a corpus.

    Like OPT's own it puts ``</s>`` first and pads with token 1.
    """
    counts = Counter(
        word for text in corpus for word, _ in _SPLITTER.pre_tokenize_str(text.lower())
    )
    known = [word for word, count in counts.items() if count >= recipe.min_word_count]
    known.sort(key=lambda word: (-counts[word], word))
    words = [_UNUSED, _PAD, _END, _UNKNOWN, *known[: recipe.max_vocabulary]]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, _UNKNOWN))
    tokenizer.normalizer = Lowercase()
    tokenizer.pre_tokenizer = _SPLITTER
    tokenizer.post_processor = TemplateProcessing(
        single=f"{_END} $A", special_tokens=[(_END, words.index(_END))]
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        bos_token=_END,
        eos_token=_END,
        pad_token=_PAD,
        unk_token=_UNKNOWN,
        model_max_length=recipe.max_positions,
    )


_SPLITTER = Split(Regex(_WORD), behavior="removed", invert=True)


# OPT of transformers 5.5 draws a random number a layer while it trains, to drop none.
@torch.random.fork_rng(devices=[])
def pretrain(
    corpus: Sequence[str],
    tokenizer: PreTrainedTokenizerFast,
    recipe: SmallOptRecipe,
    progress: Progress,
) -> OPTForCausalLM:
    """Train a new OPT as a language model: AdamW on the cross-entropy of the next token.

    The global random state is left as it was.
    """
    model = random_model(recipe, len(tokenizer))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), fused=True)
    batches = islice(_batches(corpus, tokenizer, recipe), recipe.n_steps)
    for step, token_ids in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = recipe.peak_learning_rate * _schedule(step, recipe.n_steps)
        loss = _next_token_loss(model, token_ids)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if (step + 1) % _REPORT_EVERY == 0 or step + 1 == recipe.n_steps:
            progress(step + 1, recipe.n_steps, loss.item())
    model.eval()  # type: ignore[no-untyped-call]
    return model


def random_model(recipe: SmallOptRecipe, vocabulary: int) -> OPTForCausalLM:
    """Make an OPT with random weights, of the recipe's shape and seed."""
    config = OPTConfig(
        vocab_size=vocabulary,
        hidden_size=recipe.hidden_size,
        word_embed_proj_dim=recipe.hidden_size,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        ffn_dim=4 * recipe.hidden_size,
        max_position_embeddings=recipe.max_positions,
        dropout=0.0,
        attention_dropout=0.0,
        init_std=recipe.init_std,
        pad_token_id=_PAD_ID,
        bos_token_id=2,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(recipe.seed)
        return OPTForCausalLM(config)


def _batches(
    corpus: Sequence[str], tokenizer: PreTrainedTokenizerFast, recipe: SmallOptRecipe
) -> Iterator[torch.Tensor]:
    encoded = tokenizer(list(corpus), truncation=True, max_length=recipe.max_positions)
    rows = [torch.tensor(ids) for ids in encoded["input_ids"] if len(ids) > 1]
    generator = torch.Generator().manual_seed(recipe.seed)
    while True:
        order = torch.randperm(len(rows), generator=generator).tolist()
        for first in range(0, len(order), recipe.texts_per_step):
            batch = [rows[i] for i in order[first : first + recipe.texts_per_step]]
            yield pad_sequence(batch, batch_first=True, padding_value=_PAD_ID)


def _next_token_loss(model: OPTForCausalLM, token_ids: torch.Tensor) -> torch.Tensor:
    # Padding stands at the end, where causal attention cannot see it, so no mask is needed.
    hidden = model.model(input_ids=token_ids, use_cache=False).last_hidden_state[:, :-1]
    following = token_ids[:, 1:]
    scored = following != _PAD_ID
    return functional.cross_entropy(model.lm_head(hidden[scored]), following[scored])


def _schedule(step: int, n_steps: int) -> float:
    # Long at its peak: what takes time is to find out that some words belong together.
    warm_up = min(1.0, (step + 1) / math.ceil(0.04 * n_steps))
    return warm_up * min(1.0, max(0.05, (1.0 - step / n_steps) / 0.4))


def _silent(step: int, n_steps: int, loss: float) -> None:
    pass
