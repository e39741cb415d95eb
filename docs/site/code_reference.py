"""A page for every package, made from the docstrings of its public modules."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PACKAGES = {
    "sdr_ota": "how a number is sent through the air",
    "sdr_ota.schemes": "how numbers are added",
    "sdr_ota.radio": "which radios there are",
    "sdr_ota.impairments": "what the simulated air does to a signal",
    "zo_core": "where the number comes from",
    "ota_calibration": "how good the channel is, how loud nodes may speak",
    "ota_flowgraphs": "how it is done in GNU Radio",
}

_OPTIONS = "    options: { show_root_heading: true, show_root_full_path: true }\n"


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add reference/code/PACKAGE.md for every package that holds something."""
    for package, about in PACKAGES.items():
        modules = list(_modules(package))
        if modules:
            parts = "".join(f"\n::: {module}\n{_OPTIONS}" for module in modules)
            text = f"# {package}\n\nIn this package: {about}.\n{parts}"
            files.append(File.generated(config, f"reference/code/{package}.md", content=text))
    return files


def _modules(package: str) -> Iterator[str]:
    """Yield the names of a package's public modules, without those of its own packages."""
    folder = Path(str(import_module(package).__file__)).parent
    for module in pkgutil.iter_modules([str(folder)]):
        if not (module.ispkg or module.name.startswith("_")):
            yield f"{package}.{module.name}"
