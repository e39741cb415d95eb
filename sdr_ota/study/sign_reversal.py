r"""How often a batch's slope has another sign than that of all data (arXiv 2604.12401, VII-D.1).

Along a direction $z$ the projection $p$ is the mean slope of all examples. A client that draws $b$
of them sends the sign of their mean slope, which is wrong with the probability $e_k$. The study
draws batches without replacement and counts. A batch's loss is the mean of its examples' losses,
so the slopes of all examples, measured once, are all that it needs.

Theory beside it: over such batches the mean slope has the variance
$\frac{\sigma^2}{b} \frac{n - b}{n - 1}$, with $\sigma^2$ that of the $n$ slopes (Cochran, Sampling
Techniques, 3rd ed., chapter 2). It is nearly normal, so $e_k \approx Q(|p| / \text{deviation})$.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from sdr_ota.failure import WRONG_USE, CommandFailed

Reals = NDArray[np.float64]


@dataclass(frozen=True)
class SignSetting:
    """What is drawn; the defaults are the paper's.

    Attributes:
        n_directions: Directions, of the seeds 0, 1, ...
        n_batches: Batches for each direction and point of a run.
        batch: Examples in each.
        seed: Of the batches.
    """

    n_directions: int = 40
    n_batches: int = 10_000
    batch: int = 64
    seed: int = 0


@dataclass(frozen=True)
class SignReversal:
    """What batches show at one point of a run; arrays have one entry a direction.

    Attributes:
        run: Name of the run.
        rounds_done: Rounds before the point.
        projection: Mean slope of all examples.
        reversed_share: Share of batches whose slope has the other sign, an estimate of e_k.
        normal_share: What theory expects of it.
        batch_projections: Shape ``(n_directions, n_batches)``.
    """

    run: str
    rounds_done: int
    projection: Reals
    reversed_share: Reals
    normal_share: Reals
    batch_projections: Reals

    @property
    def worst(self) -> int:
        """Direction whose batches are wrong most often."""
        return int(np.argmax(self.reversed_share))


def sign_reversal(run: str, rounds_done: int, slopes: Reals, setting: SignSetting) -> SignReversal:
    """Draw batches and count how often their slope's sign is not that of all examples.

    Args:
        run: Name of the run.
        rounds_done: Rounds before.
        slopes: Of each example along each direction, shape ``(n_directions, n_examples)``.
        setting: What is drawn.

    Raises:
        CommandFailed: If there are fewer examples than a batch has, or a slope is no number.
    """
    n_examples = slopes.shape[1]
    if setting.batch > n_examples:
        text = f"a batch of {setting.batch} of {n_examples} examples: lower --batch"
        raise CommandFailed(text, WRONG_USE)
    if not np.isfinite(slopes).all():
        text = f"{run} after {rounds_done} rounds: an example has no finite slope; nothing to count"
        raise CommandFailed(text)
    rng = np.random.default_rng([setting.seed, rounds_done])
    drawn = np.array(
        [rng.choice(n_examples, setting.batch, replace=False) for _ in range(setting.n_batches)]
    )
    batches = np.array([own[drawn].mean(axis=1) for own in slopes])
    projection = slopes.mean(axis=1)
    wrong = np.sign(batches) * np.sign(projection)[:, None] < 0
    normal = normal_reversal(slopes, setting.batch)
    return SignReversal(run, rounds_done, projection, wrong.mean(axis=1), normal, batches)


def normal_reversal(slopes: Reals, batch: int) -> Reals:
    """Return the share of batches with the other sign that a normal distribution makes.

    Args:
        slopes: Shape ``(n_directions, n_examples)``.
        batch: Examples in a batch, at most all.
    """
    n_examples = slopes.shape[1]
    left_out = (n_examples - batch) / max(n_examples - 1, 1)
    std = slopes.std(axis=1) * np.sqrt(left_out / batch)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.abs(slopes.mean(axis=1)) / std
    return np.asarray(stats.norm.sf(np.where(std > 0, ratio, np.inf)))


def largest_error(found: Sequence[SignReversal]) -> float:
    """Return the largest e_k that was seen: Lemma 2 holds for a sign error of no less."""
    return max(float(one.reversed_share.max()) for one in found)
