"""What is closed when its ``with`` block ends, however that ends."""

from abc import ABC, abstractmethod
from types import TracebackType
from typing import Self


class ClosedByBlock(ABC):
    """Leaves nothing open behind its ``with`` block."""

    @abstractmethod
    def close(self) -> None:
        """Let go of everything; a second call does nothing."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
