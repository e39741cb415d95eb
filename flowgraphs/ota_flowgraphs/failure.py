"""What goes wrong inside a block ends the flowgraph with a reason.

An exception that leaves ``work()`` makes ``top_block.run()`` wait for ever, and one that
leaves a message handler is only printed. Both are caught here instead.
"""

import functools
import queue
import sys
import traceback
from collections.abc import Callable
from types import TracebackType
from typing import ParamSpec, TypeVar

from ota_flowgraphs.activity import WORKING
from ota_flowgraphs.iq_address import IqAddressError, read_iq_address
from sdr_ota.signal.iq_words import IqFileError

REPORTED: "queue.SimpleQueue[str]" = queue.SimpleQueue()
"""One line for every failure of this process, in order of time."""

WORK_DONE = -1
"""What ``work()`` returns when nothing more will come (GNU Radio's ``WORK_DONE``)."""

REFUSALS = (IqAddressError, IqFileError)
"""What says all there is to say in its own sentence."""

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
    """Turn an exception in a message handler into a report; its work counts as `WORKING`."""

    @functools.wraps(handle)
    def guarded(*args: Given.args, **kwargs: Given.kwargs) -> None:
        try:
            with WORKING():
                handle(*args, **kwargs)
        except Exception as error:
            report(error)

    return guarded


def report(error: Exception) -> None:
    """Print where an error came from, and remember it in one line."""
    if isinstance(error, REFUSALS):
        sys.stderr.write(f"{error}\n")
        REPORTED.put(str(error))
        return
    where = traceback.extract_tb(error.__traceback__)[-1]
    sys.stderr.write("".join(traceback.format_exception(error)))
    REPORTED.put(f"{type(error).__name__}: {error} ({where.name}, {where.filename}:{where.lineno})")


def end_of_run() -> None:
    """End a flowgraph's process with 1 if a block has failed, which it has printed.

    Raises:
        SystemExit: If so.
    """
    if not REPORTED.empty():
        sys.exit(1)


def end_of_search(source: str, n_found: int) -> None:
    """End a receiver's process with 1 if a block has failed or a recording held no frame.

    Args:
        source: Address of what it received.
        n_found: Bursts of which its results said something.

    Raises:
        SystemExit: If so.
    """
    end_of_run()
    read = read_iq_address(source)
    if read.driver == "file" and not n_found:
        path = read.options["path"]
        sys.exit(f"no frame was found in {path}: `sdr-ota decode {path}` says what to check")


def print_refusal(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what ended a process: a refusal as its sentence, anything else as Python does."""
    if isinstance(error, REFUSALS):
        sys.stderr.write(f"{error}\n")
    else:
        sys.__excepthook__(kind, error, trace)
