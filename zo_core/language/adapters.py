"""Whether a model is in peft's wrapper, asked without loading peft: that takes seconds."""

import sys
from typing import TYPE_CHECKING, TypeGuard

if TYPE_CHECKING:
    from peft import PeftModel


def has_adapters(model: object) -> "TypeGuard[PeftModel]":
    """Return whether a model is in peft's wrapper: only peft, once it is loaded, makes such."""
    peft = sys.modules.get("peft")
    return peft is not None and isinstance(model, peft.PeftModel)
