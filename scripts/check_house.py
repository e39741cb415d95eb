"""What `make lint` checks of the house and no ready tool does: sizes.

The commands stay a thin part of the code; functions and files stay short enough to be read
whole. Prints a line for everything that is too long and fails if there is one.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

HOME = Path(__file__).parents[1]
ROOTS = ("sdr_ota", "zo_core", "calibration/ota_calibration", "flowgraphs/ota_flowgraphs")
COMMANDS = "sdr_ota/cli"

COMMANDS_SHARE = 0.1
COMMAND_LINES, FUNCTION_LINES, FILE_LINES = 20, 40, 400
"""Functions are counted without their docstrings."""

Function = ast.FunctionDef | ast.AsyncFunctionDef


def code_files(home: Path) -> list[Path]:
    """Return all files of the code but those that GNU Radio compiles."""
    found = (path for root in ROOTS for path in sorted((home / root).rglob("*.py")))
    return [path for path in found if "generated" not in path.parts]


def n_code_lines(text: str) -> int:
    """Return how many lines are neither empty nor a comment alone."""
    lines = (line.strip() for line in text.splitlines())
    return sum(bool(line) and not line.startswith("#") for line in lines)


def n_function_lines(function: Function) -> int:
    """Return the lines of a function from its first decorator or ``def`` on, docstring left out."""
    first = min([function.lineno, *(d.lineno for d in function.decorator_list)])
    docstring = function.body[0] if ast.get_docstring(function) is not None else None
    shown = 0 if docstring is None else (docstring.end_lineno or 0) - docstring.lineno + 1
    return (function.end_lineno or first) - first + 1 - shown


def long_functions(path: Path, text: str, most: int) -> Iterator[str]:
    """Yield a sentence for every function of a file with more lines than are allowed."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, Function) and (n := n_function_lines(node)) > most:
            yield f"{path}:{node.lineno}: {node.name} has {n} lines, at most {most} are allowed"


def findings(home: Path) -> Iterator[str]:
    """Yield a sentence for everything that is too long."""
    n_lines, n_of_commands = 0, 0
    for path in code_files(home):
        text, is_command = path.read_text(encoding="utf-8"), home / COMMANDS in path.parents
        n_lines += n_code_lines(text)
        n_of_commands += n_code_lines(text) if is_command else 0
        shown = path.relative_to(home)
        yield from long_functions(shown, text, COMMAND_LINES if is_command else FUNCTION_LINES)
        if (n := len(text.splitlines())) > FILE_LINES:
            yield f"{shown}: {n} lines, at most {FILE_LINES} are allowed"
    if n_of_commands > COMMANDS_SHARE * n_lines:
        yield f"{COMMANDS}: {n_of_commands} of {n_lines} code lines, a tenth is allowed"


if __name__ == "__main__":
    found = list(findings(HOME))
    print("\n".join(found) or "sizes: all within their limits")
    sys.exit(bool(found))
