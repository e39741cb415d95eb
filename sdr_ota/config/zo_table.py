"""The table of the zeroth-order estimator and its step."""

from typing import Annotated, Literal

from pydantic import Field

from sdr_ota.config.tables import Count, Positive, Table


class ZoTable(Table):
    """The zeroth-order estimator and its step."""

    learning_rate: Positive = Field(5e-4, description="step along the direction for a scalar of 1")
    warmup_rounds: Annotated[int, Field(ge=0, le=2**31)] = Field(
        0, description="rounds in which the learning rate rises to its value"
    )
    decay: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="how the learning rate falls to 0 at the end"
    )
    perturbation_scale: Positive = Field(
        2**-10, description="how far the weights are moved both ways along the direction to probe"
    )
    direction: Literal["rademacher", "gaussian"] = Field(
        "rademacher", description="elements of a direction: plus or minus 1, or normal"
    )
    difference: Literal["central", "forward"] = Field(
        "central",
        description="two passes a direction, either side of the weights; or one, and one at the "
        "weights that all directions of a round share: less exact",
    )
    objective: Literal["loss", "error"] = Field(
        "loss", description="what is made small: the loss, or the share of errors (1 - F1) itself"
    )
    directions_per_step: Count = Field(
        1,
        description="rounds, each of frame.symbols directions, that are probed at the same weights "
        "and make one step",
    )
    local_steps: Count = Field(
        1,
        description="steps that each client takes on its own in a round, along frame.symbols / "
        "local_steps directions each, before the means of all scalars are applied where the round "
        "began (DeComFL); costs a copy of the trained weights",
    )
    seed_pool: Count | None = Field(None, description="use only so many directions in all")
    momentum: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="made again from the scalars of earlier steps; not with hiso"
    )
    momentum_window: Count = Field(
        8, description="steps that momentum and adamezo reach back, a pass over the weights each"
    )
    rule: Literal["sgd", "normalised", "adamezo", "hiso"] = Field(
        "sgd",
        description="what steps are divided by: nothing, the scalars' rms, moments, curvature",
    )
    square_decay: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.99, description="how slowly a rule other than sgd forgets the squares that it divides by"
    )
    weight_decay: Annotated[float, Field(ge=0)] = Field(
        0.0, description="each step shrinks the weights by this times the learning rate"
    )
