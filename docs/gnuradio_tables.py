"""Write what the cross-checks measure into docs/gnuradio.md, between its markers."""

import re
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).parent
SCRIPTS = ("gnuradio_impairments", "gnuradio_detectors")


def main() -> None:
    """Run both and replace the tables."""
    page = HOME / "gnuradio.md"
    text = page.read_text()
    for name in SCRIPTS:
        script = HOME.parent / "benchmarks" / f"{name}.py"
        done = subprocess.run(
            [sys.executable, str(script)], capture_output=True, text=True, check=True
        )
        mark = f"<!-- {name} -->"
        table = f"{mark}\n{done.stdout.strip()}\n{mark}"
        text = re.sub(f"{mark}.*{mark}", lambda _, table=table: table, text, flags=re.DOTALL)
    page.write_text(text)


if __name__ == "__main__":
    main()
