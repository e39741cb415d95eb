"""What earlier rounds show of the next payload: how large symbols are, how strong they arrive."""

from dataclasses import dataclass, field, replace
from statistics import fmean

from sdr_ota.rounds.arriving_level import ArrivingLevel
from sdr_ota.rounds.exchange import Exchange
from sdr_ota.rounds.symbol_power import SymbolPower
from sdr_ota.types import TransmitPlan


@dataclass
class Learned:
    """What is known from earlier rounds of a run; it travels in the plan of the next.

    Attributes:
        symbols: How large they were.
        level: How strong payloads arrived.
    """

    symbols: SymbolPower = field(default_factory=SymbolPower)
    level: ArrivingLevel = field(default_factory=ArrivingLevel)

    def told(self, plan: TransmitPlan, largest_scalar: float) -> TransmitPlan:
        """Return a plan that says what is known.

        Args:
            plan: Of the round to come.
            largest_scalar: What becomes a symbol of 1 in it.
        """
        usual = self.symbols.symbol_mean_square(largest_scalar)
        return replace(plan, symbol_mean_square=usual, arriving_level=self.level.expected)

    def observe(self, exchange: Exchange, largest_scalar: float) -> None:
        """Take in a round that was not erased.

        Args:
            exchange: Its sums and levels.
            largest_scalar: What was a symbol of 1.
        """
        square = fmean(total.symbol_square for total in exchange.sums)
        self.symbols.observe(square, largest_scalar)
        if exchange.arrived_level is not None:
            self.level.observe(exchange.arrived_level)
