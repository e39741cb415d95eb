"""Checks that the tests find the faults of tests/mutants.md.

    .venv/bin/python scripts/mutants.py [NUMBER ...]

Each mutant replaces one text of one file in a copy of the tree, where its test must then fail. All
tests must pass without a mutant, and a mutant with which no test can run is no kill. Exit code 1 if
one is not killed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HOME = Path(__file__).parents[1]
TABLE = HOME / "tests" / "mutants.md"
PATHS = (".", "calibration", "flowgraphs")
LISTED = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
KERNELS = "zo_core/directions/"
"""Numba compiles what lies there, and may take constants of one file into the code of another."""
VERDICTS = {0: "SURVIVED", 1: "killed"}
"""By pytest's exit code; with any other no test ran."""


@dataclass(frozen=True)
class Mutant:
    """One row of the table.

    Attributes:
        number: From 1.
        file: That it changes, relative to the tree.
        stands: What stands there, exactly once.
        puts: What it puts there.
        test: File or node that must fail.
        why: What would come of it.
    """

    number: int
    file: str
    stands: str
    puts: str
    test: str
    why: str

    def applied(self, text: str) -> str:
        """Return the file's text with the fault.

        Raises:
            ValueError: If what it replaces does not stand there exactly once.
        """
        if (n := text.count(self.stands)) != 1:
            raise ValueError(
                f"mutant {self.number}: {self.stands!r} stands {n} times in {self.file}"
            )
        return text.replace(self.stands, self.puts)


def mutants(table: str) -> Iterator[Mutant]:
    """Yield the rows of a table whose first cell is a number; code stands in backticks."""
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if cells[0].isdecimal():
            number, *code, why = cells
            file, stands, puts, test = (cell.strip("`") for cell in code)
            yield Mutant(int(number), file, stands, puts, test, why)


def copied_tree(folder: Path) -> Path:
    """Return a copy of the tree without what git ignores; the environment is linked."""
    copy = folder / "tree"
    listed = subprocess.run(LISTED, cwd=HOME, capture_output=True, check=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (HOME / name).is_file():  # a file that was deleted is listed until that is committed
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(HOME / name, copy / name)
    (copy / ".venv").symlink_to(Path(sys.prefix))
    return copy


def tested(tree: Path, tests: Sequence[str], changed: str = "") -> subprocess.CompletedProcess[str]:
    """Run tests of a tree; what is compiled of a changed file is not kept."""
    numba = tree / "numba" / ("changed" if changed.startswith(KERNELS) else "original")
    shutil.rmtree(tree / "numba" / "changed", ignore_errors=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(str(tree / path) for path in PATHS),
        "PYTHONDONTWRITEBYTECODE": "1" if changed else "",
        "NUMBA_CACHE_DIR": str(numba),
        "OMP_NUM_THREADS": "1",
    }
    options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not hardware"]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    return subprocess.run(
        command, cwd=tree, env=environment, capture_output=True, check=False, text=True
    )


def verdict(tree: Path, mutant: Mutant) -> str:
    """Return whether the test of a mutant notices it; the tree is then as before."""
    path, original = tree / mutant.file, HOME / mutant.file
    path.write_text(mutant.applied(original.read_text(encoding="utf-8")), encoding="utf-8")
    try:
        return VERDICTS.get(tested(tree, [mutant.test], mutant.file).returncode, "BROKEN")
    finally:
        shutil.copy2(original, path)


def chosen(numbers: list[str]) -> list[Mutant]:
    """Return the mutants of these numbers, or all."""
    known = {str(m.number): m for m in mutants(TABLE.read_text(encoding="utf-8"))}
    if missing := [number for number in numbers if number not in known]:
        sys.exit(f"{TABLE.name} has no mutant {', '.join(missing)}")
    return [known[number] for number in numbers or known]


def main(numbers: list[str]) -> int:
    """Print a line a mutant; return the exit code."""
    wanted, began, fails = chosen(numbers), time.monotonic(), []
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copied_tree(Path(folder))
        usual = tested(tree, sorted({mutant.test for mutant in wanted}))
        if usual.returncode:
            sys.exit(f"without a mutant the tests must pass:\n{usual.stdout}")
        for mutant in wanted:
            said = verdict(tree, mutant)
            fails += [mutant.number] if said != "killed" else []
            print(f"{mutant.number:3d} {said:8} {mutant.file}: {mutant.puts}", flush=True)
    minutes = (time.monotonic() - began) / 60
    print(f"{len(wanted) - len(fails)} of {len(wanted)} killed in {minutes:.1f} minutes")
    return 1 if fails else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
