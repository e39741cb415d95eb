"""A measured quantity: value, standard deviation, unit, and how it was found."""

from dataclasses import dataclass
from math import inf

from scipy.stats import t as student


@dataclass(frozen=True, slots=True)
class Measurement:
    """One quantity of one device, with what is known of its error.

    Attributes:
        quantity: Name with its unit, as ``cfo_hz``.
        value: In ``unit``.
        std: Standard deviation of ``value``.
        unit: For tables.
        method: One sentence: how it was measured, and by whose method.
        n_repeats: Independent observations behind it.
        freedom: Degrees of freedom of ``std``; infinite where it comes from a model.
    """

    quantity: str
    value: float
    std: float
    unit: str
    method: str
    n_repeats: int
    freedom: float = inf

    def half_width(self, confidence: float = 0.95) -> float:
        """Return half the length of the two-sided interval around ``value`` (Student's t)."""
        return float(student.ppf((1 + confidence) / 2, self.freedom)) * self.std
