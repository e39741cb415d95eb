"""Says before the first round that a model does not know the words of the data."""

import logging
from collections.abc import Mapping

MANY_UNKNOWN = 0.1
"""Share of unknown tokens above which texts have lost too much to be told apart."""

_log = logging.getLogger(__name__)


def warn_of_unknown_tokens(shares: Mapping[str, float]) -> None:
    """Warn of every part of the data of which the tokenizer does not know a tenth.

    Args:
        shares: Share of unknown tokens by part of the data: held-out, training.
    """
    for part, share in shares.items():
        if share > MANY_UNKNOWN:
            _log.warning(
                "%.0f %% of the tokens of the %s examples are unknown to the model's tokenizer: "
                "all of them reach the model as one and the same token; use a model whose "
                "vocabulary fits the data",
                100 * share, part,
            )  # fmt: skip
