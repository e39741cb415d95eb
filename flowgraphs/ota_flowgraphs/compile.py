"""Compile the flowgraphs: ``python -m ota_flowgraphs.compile`` after every change of a .grc file.

No display is needed. What comes out belongs into the repository; a test compares.
"""

import os
import subprocess
import tempfile
from pathlib import Path

from ota_flowgraphs.process import PYTHON, link_packages

HOME = Path(__file__).parent

GENERATED = HOME / "generated"


def compile_flowgraphs(output: Path) -> None:
    """Let GNU Radio's compiler make a Python module of every flowgraph.

    Args:
        output: Folder to write to.

    Raises:
        RuntimeError: If one does not compile.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = companion_environment(Path(folder))
        for flowgraph in sorted(HOME.glob("*.grc")):
            done = subprocess.run(
                [PYTHON, "/usr/bin/grcc", "-o", str(output), str(flowgraph)],
                capture_output=True,
                text=True,
                env=environment,
                timeout=100,
                check=False,
            )
            if done.returncode or not (output / f"{flowgraph.stem}.py").is_file():
                raise RuntimeError(f"{flowgraph.name}: {done.stdout}{done.stderr}")


def companion_environment(folder: Path) -> dict[str, str]:
    """Return an environment in which GNU Radio Companion knows this project's blocks.

    Args:
        folder: Where a folder with links to the packages is made; it must stay.
    """
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    return {
        **kept,
        "PYTHONPATH": str(link_packages(folder)),
        "PYTHONNOUSERSITE": "1",
        "GRC_BLOCKS_PATH": str(HOME / "grc"),
    }


def is_same_program(ours: str, theirs: str) -> bool:
    """Return whether two modules differ in the compiler's version or order of connections only."""
    return _statements(ours) == _statements(theirs)


def _statements(text: str) -> list[str]:
    return sorted(line for line in text.splitlines() if line and not line.startswith("#"))


def main() -> None:
    """Bring the modules up to date; those that mean the same are left as they are."""
    with tempfile.TemporaryDirectory() as made:
        compile_flowgraphs(Path(made))
        for new in sorted(Path(made).glob("*.py")):
            old = GENERATED / new.name
            if not old.exists() or not is_same_program(old.read_text(), new.read_text()):
                old.write_text(new.read_text())


if __name__ == "__main__":
    main()
