"""numba's cache of compiled kernels: damage or a full disk costs a compilation and no more."""

from contextlib import suppress
from typing import Any

from numba.core.caching import FunctionCache


class ForgivingCache(FunctionCache):
    """Compiles anew what cannot be read, and goes on without what cannot be written.

    numba lets the errors through: those of a file system, and whatever unpickling a torn file
    raises (its documentation names no closed list).
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return a kernel that was compiled before; None if there is none that can be used."""
        try:
            return super().load_overload(sig, target_context)  # type: ignore[no-untyped-call]
        except Exception:
            with suppress(OSError):
                self.flush()  # type: ignore[no-untyped-call]
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a kernel if that is possible."""
        with suppress(Exception):
            super().save_overload(sig, data)  # type: ignore[no-untyped-call]
