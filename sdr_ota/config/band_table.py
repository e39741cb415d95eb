"""The bands in which a user may transmit."""

from typing import Annotated

from pydantic import Field, model_validator

from sdr_ota.config.tables import Positive, Table


class BandTable(Table):
    """A band in which you may transmit: write down what your licence or the law allows."""

    name: str = Field("", description="for messages")
    low_hz: Positive = Field(le=1e12, description="lower edge")
    high_hz: Positive = Field(le=1e12, description="upper edge")
    max_duty_cycle: Annotated[float, Field(ge=1e-6, le=1)] = Field(
        1.0,
        description="largest share of the time in which a node sends; 0.01 is one percent. All "
        "commands and processes of this user count together",
    )
    duty_window_s: Annotated[float, Field(ge=60, le=3600)] = Field(
        3600.0, description="in any so many seconds that share is kept"
    )

    @model_validator(mode="after")
    def _fits(self) -> "BandTable":
        if self.low_hz >= self.high_hz:
            raise ValueError(f"low_hz = {self.low_hz:g} is not below high_hz = {self.high_hz:g}")
        return self
