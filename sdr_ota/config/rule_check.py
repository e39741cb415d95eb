"""Whether the rule of a step goes with what else is asked of steps."""

from sdr_ota.config.tables import ModelTable
from sdr_ota.config.zo_table import ZoTable


def check_rule(zo: ZoTable, model: ModelTable) -> None:
    """Refuse what a rule with a number for every weight cannot do.

    Raises:
        ValueError: With a sentence.
    """
    if zo.rule == "hiso" and zo.momentum:
        raise ValueError(
            f'zo.rule = "hiso" has no momentum and zo.momentum is {zo.momentum}: earlier slopes '
            "were measured along other curvatures; set it to 0, or use another rule"
        )
    if zo.rule in ("hiso", "adamezo") and model.rounding == "stochastic":
        raise ValueError(
            f'zo.rule = "{zo.rule}" rounds to nearest: use model.rounding = "nearest", or '
            'zo.rule = "sgd" or "normalised"'
        )
