"""A page for every package, made from the docstrings of its public modules."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

UNDOCUMENTED = ("ota_flowgraphs.generated", "ota_flowgraphs.blocks")
"""What GNU Radio compiled, or can import alone."""

ROOTS = ("sdr_ota", "zo_core", "ota_calibration", "ota_flowgraphs")

_OPTIONS = "    options: { show_root_heading: true, show_root_full_path: true }\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add reference/code/PACKAGE.md for every package that holds something."""
    for package in _packages():
        modules = list(_modules(package))
        if modules:
            parts = "".join(f"\n::: {module}\n{_OPTIONS}" for module in modules)
            text = f"# {package}\n\n{import_module(package).__doc__ or ''}\n{parts}"
            files.append(File.generated(config, f"reference/code/{package}.md", content=text))
    return files


def _packages() -> Iterator[str]:
    """Yield the names of all packages of the code, outermost first."""
    for root in ROOTS:
        yield root
        found = pkgutil.walk_packages(import_module(root).__path__, f"{root}.")
        yield from (m.name for m in found if m.ispkg and not m.name.startswith(UNDOCUMENTED))


def _modules(package: str) -> Iterator[str]:
    """Yield the names of a package's public modules, without those of its own packages."""
    folder = Path(str(import_module(package).__file__)).parent
    for module in pkgutil.iter_modules([str(folder)]):
        if not (module.ispkg or module.name.startswith("_")):
            yield f"{package}.{module.name}"
