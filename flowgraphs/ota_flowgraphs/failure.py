"""What goes wrong inside a block ends the flowgraph with a reason.

An exception that leaves ``work()`` makes ``top_block.run()`` wait for ever, and one that
leaves a message handler is only printed. Both are caught here instead.
"""

import functools
import queue
import sys
import traceback
from collections.abc import Callable
from typing import ParamSpec, TypeVar

REPORTED: "queue.SimpleQueue[str]" = queue.SimpleQueue()
"""One line for every failure of this process, in order of time."""

WORK_DONE = -1
"""What ``work()`` returns when nothing more will come (GNU Radio's ``WORK_DONE``)."""

Given = ParamSpec("Given")
Result = TypeVar("Result")


def ends_on_error(work: Callable[Given, int]) -> Callable[Given, int]:
    """Turn an exception in ``work()`` into a report and the end of the stream."""

    @functools.wraps(work)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> int:
        try:
            return work(*args, **kwargs)
        except Exception as error:
            report(error)
            return WORK_DONE

    return guarded


def reports_error(handle: Callable[Given, None]) -> Callable[Given, None]:
    """Turn an exception in a message handler into a report."""

    @functools.wraps(handle)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            handle(*args, **kwargs)
        except Exception as error:
            report(error)

    return guarded


def report(error: Exception) -> None:
    """Print where an error came from, and remember it in one line."""
    where = traceback.extract_tb(error.__traceback__)[-1]
    sys.stderr.write("".join(traceback.format_exception(error)))
    REPORTED.put(f"{type(error).__name__}: {error} ({where.name}, {where.filename}:{where.lineno})")
