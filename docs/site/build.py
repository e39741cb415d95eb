"""Build the site: pages as files, then HTML, then formulas. `make docs` calls it.

    PYTHONPATH=.:calibration:flowgraphs python docs/site/build.py .

The folder given holds `mkdocs.yml`; the site is in its `build/site`. A link that leads nowhere, or
an anchor that is not there, ends it.
"""

import subprocess
import sys
from pathlib import Path

import formulas
import write_pages

if __name__ == "__main__":
    home = Path(sys.argv[1])
    write_pages.write_pages(home / "build" / "pages")
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    if subprocess.run(command, cwd=home, check=False).returncode:
        sys.exit("the site was not built: see above")
    formulas.show_formulas(home / "build" / "site")
