"""The table of a link: how numbers are added over the air."""

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from sdr_ota.config.tables import Count, Positive, SchemeParameter, Table
from sdr_ota.schemes import AggregationScheme, load_scheme


class LinkTable(Table):
    """How numbers are added over the air."""

    scheme: str = Field(
        "coherent",
        description="how symbols are added, a plug-in too; auto: what the paths are good for",
    )
    scheme_parameters: Mapping[str, SchemeParameter] = Field(
        {}, description="the scheme's own fields"
    )
    payload: Literal["analog", "sign"] = Field("analog", description="the scalar or its sign")
    scalar_limit: float | Literal["auto"] = Field(
        8.0,
        description="scalars are clipped to plus and minus this; auto: learned before the first "
        "round, without a promise of privacy only",
    )
    abstention_limit: Annotated[float, Field(ge=0)] = Field(
        0.0, description="with payload sign: smaller scalars abstain"
    )
    decode: Literal["unbiased", "lmmse"] = Field(
        "unbiased",
        description="the sum as the air gives it, or shrunk by a factor known before, so that its "
        "expected squared error is least and never above that of answering 0",
    )
    sounding_every: Count = Field(1, description="rounds between two soundings")
    truncation_db: Positive = Field(
        40.0,
        description="nodes this far below the median are left out; others where they add error",
    )
    peak_amplitude: Annotated[float, Field(gt=0, le=0.9)] = Field(
        0.5, description="largest chip amplitude of a node, full scale 1.0; 0.5 is 6 dB of back-off"
    )
    max_cfo_hz: Annotated[float, Field(ge=0)] = Field(
        60e3, description="largest carrier offset that is looked for"
    )
    tune_above_hz: float | Literal["never"] = Field(
        100.0,
        description="a node's carrier offset above this goes into its radio's synthesiser before "
        'the first round, where the radio can be tuned; "never" leaves all to the samples',
    )

    def loaded_scheme(self) -> AggregationScheme:
        """Return the scheme with its parameters; ``auto`` is none yet.

        Raises:
            ValueError: As `load_scheme`.
        """
        return load_scheme(self.scheme, self.scheme_parameters)

    def fixed_scalar_limit(self) -> float:
        """Return the limit where it must be known beforehand.

        Raises:
            ValueError: If it is to be learned.
        """
        if self.scalar_limit == "auto":
            raise ValueError(
                'link.scalar_limit = "auto" is learned by a run before its first round; here a '
                "number is needed: set link.scalar_limit to about twice the largest usual number"
            )
        return self.scalar_limit

    @property
    def is_auto(self) -> bool:
        """Whether the scheme is chosen by what the nodes' soundings show."""
        return self.scheme == "auto"

    @property
    def hides_clients(self) -> bool:
        """Whether one client's noise hides others: in a sum of coherent amplitudes alone."""
        return self.scheme == "coherent" and self.payload == "analog"

    @field_validator("scalar_limit", "tune_above_hz", mode="before")
    @classmethod
    def _above_0_or_a_word(cls, value: object, info: ValidationInfo) -> object:
        word = "auto" if info.field_name == "scalar_limit" else "never"
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if value == word or (is_number and 0 < value < math.inf):  # type: ignore[operator]
            return value
        raise ValueError(f'it is {value!r:.40}; use a number above 0, or "{word}"')

    @model_validator(mode="after")
    def _known_scheme(self) -> "LinkTable":
        if self.is_auto:
            return self
        scheme = self.loaded_scheme()
        if scheme.sign_only and self.payload != "sign":
            raise ValueError(f'scheme {self.scheme!r} carries signs only: set payload = "sign"')
        return self
