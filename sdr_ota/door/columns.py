"""Records of one kind as columns: what plots and tables want."""

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas

_Record = TypeVar("_Record")

_DTYPES: dict[object, Any] = {int: np.int64, float: np.float64, float | None: np.float64}
"""Types of fields to types of columns; all others hold objects."""

_SEED = "seed"
"""The one field whose numbers need all 64 bits."""


class Columns(Generic[_Record]):
    """Records of one dataclass: ``columns.name`` is an array with one element a record.

    Numbers are arrays of numbers, with NaN where a record has None. Words and tuples are arrays
    of objects. Iterating and indexing give the records themselves.

    Args:
        kind: The dataclass of the records.
        records: In their order.
    """

    def __init__(self, kind: type[_Record], records: Sequence[_Record]) -> None:
        self._records = tuple(records)
        types = get_type_hints(kind)
        self._types = {field.name: types[field.name] for field in fields(kind)}  # type: ignore[arg-type]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._types)

    def column(self, name: str) -> NDArray[Any]:
        """Return one column, shape ``(n_records,)``.

        Raises:
            AttributeError: If there is none of this name; the text lists those there are.
        """
        if name not in self._types:
            raise AttributeError(f"no column {name!r}; there are {', '.join(self._types)}")
        values = [getattr(record, name) for record in self._records]
        dtype = np.uint64 if name == _SEED else _DTYPES.get(self._types[name], object)
        if dtype is np.float64:
            return np.array([np.nan if value is None else value for value in values], dtype)
        made = np.empty(len(values), dtype)
        made[:] = values if dtype is not object else _as_objects(values)
        return made

    def to_pandas(self) -> "pandas.DataFrame":
        """Return the columns as a pandas data frame.

        Raises:
            ImportError: If pandas is not installed.
        """
        try:
            import pandas  # noqa: PLC0415 - optional
        except ImportError as missing:
            raise ImportError("pandas is not installed: pip install pandas") from missing
        return pandas.DataFrame({name: self.column(name) for name in self.names})

    def __getattr__(self, name: str) -> NDArray[Any]:
        if name.startswith("_"):  # not there while a copy is being made
            raise AttributeError(name)
        return self.column(name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._types})

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[_Record]:
        return iter(self._records)

    def __getitem__(self, index: int) -> _Record:
        return self._records[index]

    def __repr__(self) -> str:
        return f"<{len(self)} records: {', '.join(self._types)}>"


def _as_objects(values: Sequence[object]) -> NDArray[np.object_]:
    """Return an array of objects; tuples in it stay tuples."""
    made = np.empty(len(values), object)
    for place, value in enumerate(values):
        made[place] = value
    return made
