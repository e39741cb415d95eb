"""The fenced blocks of a page, and what they promise.

- A block with a title is a file: the reader saves it under that name.
- ``python`` without a title is a whole program.
- `pip install FOLDER` in a session installs into the reader's folder and fetches nothing.
- ``console`` is a session: lines that begin with ``$`` are typed, the others are printed by
  them, where ``...`` stands for anything and a number with a decimal point for any such number.
  A command behind it (a line that ends in ``&``) must live as long as the session or end well.

Blocks of other kinds are pictures and are not run, nor is one behind `<!-- not run: WHY -->`.
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
LONGEST_S = 180.0
_BLOCK = re.compile(
    r"^(?P<excused><!-- not run: .+ -->\n)?```(?P<kind>\w+)(?: title=\"(?P<title>[^\"]+)\")?\n"
    r"(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


_PREAMBLE = """
behind() {
  eval "$1 &"
  local command=$! code=0
  trap 'kill $command; wait $command; exit' TERM
  wait $command || code=$?
  [ $code = 0 ] || { echo "exit code $code: $1"; kill -KILL 0; }
}
trap 'kill $(jobs -p) 2> /dev/null || true; wait' EXIT
"""
"""A command that fails behind a session ends it at once; the session ends what is behind it."""

_MEASURED = re.compile(r"[-+]?\d+\.\d+")


@dataclass(frozen=True)
class Block:
    kind: str
    title: str
    text: str

    @property
    def does_something(self) -> bool:
        return bool(self.title) or self.kind in {"python", "console"}


def blocks_of(page: Path) -> list[Block]:
    found = [m for m in _BLOCK.finditer(page.read_text()) if not m["excused"]]
    blocks = [Block(match["kind"], match["title"] or "", match["text"]) for match in found]
    return [block for block in blocks if block.does_something]


def copy_of_the_checkout(folder: Path) -> None:
    """Readers work in a checkout, and some blocks add a file to it.

    What was compiled of the checkout comes along: it is of files with the same times.
    """
    for name in ("sdr_ota", "zo_core", "calibration", "flowgraphs", "examples"):
        shutil.copytree(ROOT / name, folder / name)


def run_block(block: Block, folder: Path, longest_s: float = LONGEST_S) -> None:
    """Do what a block says in a copy of the checkout.

    Raises:
        AssertionError: If it does not do what the page says, or takes longer.
    """
    if block.title:
        path = folder / block.title
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.text)
    elif block.kind == "python":
        _run([sys.executable, "-c", block.text], folder, longest_s)
    else:
        _check_session(block.text, folder, longest_s)


def _check_session(text: str, folder: Path, longest_s: float) -> None:
    typed = [line.removeprefix("$ ") for line in text.splitlines() if line.startswith("$ ")]
    lines = [_behind(line) if line.endswith(" &") else line for line in typed]
    try:
        printed = _run(["bash", "-ec", "\n".join([_PREAMBLE, *lines])], folder, longest_s)
    except AssertionError as failed:
        raise AssertionError("\n".join([str(failed), *_logs(typed, folder)])) from None
    shown = [line for line in text.splitlines() if line.strip() and not line.startswith("$ ")]
    position = 0
    for pattern in map(_pattern, shown):
        found = pattern.search(printed, position)
        assert found, f"the page shows {pattern.pattern!r}, which is not in:\n{printed[position:]}"
        position = found.end()


def _behind(line: str) -> str:
    return f"behind {shlex.quote(line.removesuffix(' &'))} &"


def _logs(typed: list[str], folder: Path) -> Iterator[str]:
    """Yield what the commands of a session wrote elsewhere, with where."""
    for name in re.findall(r"> *([\w./-]+)", "\n".join(typed)):
        if (folder / name).is_file():
            yield f"{name}:\n{(folder / name).read_text()}"


def _pattern(line: str) -> re.Pattern[str]:
    words = (r"\s+".join(map(_word, part.split())) for part in line.split("..."))
    return re.compile(r"\s*.*?\s*".join(words))


def _word(word: str) -> str:
    return re.escape(_MEASURED.sub("\0", word)).replace("\0", _MEASURED.pattern)


def _run(command: list[str], folder: Path, longest_s: float) -> str:
    """Run a command and all that it starts in a session of their own, and end them all."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env={**os.environ, **_paths(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as running:
        why = ""
        try:
            printed, _ = running.communicate(timeout=longest_s)
        except subprocess.TimeoutExpired:
            _kill(running)
            printed, why = running.communicate()[0], f"not done after {longest_s:g} s"
        finally:
            _kill(running)
    assert running.returncode == 0, printed + why
    return printed


def _kill(session: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(session.pid, signal.SIGKILL)


def _paths(folder: Path) -> Mapping[str, str]:
    installed = folder / "installed"
    rooms = (folder, folder / "calibration", folder / "flowgraphs", installed)
    programs = (str(Path(sys.executable).parent), os.environ["PATH"])
    return {
        "PYTHONPATH": os.pathsep.join(map(str, rooms)),
        "PATH": os.pathsep.join(programs),
        "COLUMNS": "100",
        "PIP_TARGET": str(installed),
        "PIP_NO_DEPS": "1",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip's word for: build with what is there
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def pages() -> Iterator[Path]:
    """Yield every page of the documentation that holds something to run."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        if blocks_of(page):
            yield page
