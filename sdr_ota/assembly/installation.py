"""What is installed, what is missing, and the command that installs it."""

import importlib
import importlib.util
import shutil
import subprocess
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

from sdr_ota.assembly.companion import INSTALL, missing_for_a_window
from sdr_ota.report.findings_table import Finding

DEBIAN_PYTHON = "/usr/bin/python3"
"""The interpreter that has Debian's GNU Radio."""


def all_findings() -> list[Finding]:
    """Look at everything that this project can use on this machine."""
    return [finding for look in _LOOKS for finding in look()]


def _package(name: str, extra: str) -> Finding:
    try:
        return Finding(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        wanted = f"sdr-ota[{extra}]" if extra else "sdr-ota"
        return Finding(name, "not installed", f"pip install '{wanted}'", not extra)


def _base() -> Iterator[Finding]:
    for name in ("numpy", "scipy", "pydantic"):
        yield _package(name, "")


def _learning() -> Iterator[Finding]:
    for name in ("torch", "transformers", "numba", "peft"):
        yield _package(name, "llm")
    yield _package("dp-accounting", "privacy")


def _results() -> Iterator[Finding]:
    yield _package("tensorboard", "tensorboard")
    yield _package("pyarrow", "parquet")
    yield _package("ray", "cluster")


def _pluto() -> Iterator[Finding]:
    yield _package("pyadi-iio", "pluto")
    try:
        import iio  # noqa: PLC0415
    except Exception as error:  # pylibiio raises what it likes
        yield libiio_trouble(str(error))
    else:
        yield Finding("libiio", ".".join(str(part) for part in iio.version))
    yield _tool("iio_info", "libiio-utils")


def libiio_trouble(error: str) -> Finding:
    """Return what to do about an ``import iio`` that failed with a text."""
    if "libiio version" in error:  # pylibiio 1.0 against the 0.x of distributions
        return Finding("libiio", error, "pip install 'pylibiio==0.25'")
    if "No module" in error:
        return Finding("libiio", "no Python binding", "pip install 'sdr-ota[pluto]'")
    return Finding("libiio", error, "apt-get install libiio0")


def _soapy() -> Iterator[Finding]:
    try:
        import SoapySDR  # noqa: PLC0415
    except ImportError as error:
        cure = "apt-get install python3-soapysdr, in an environment with --system-site-packages"
        yield Finding("SoapySDR", str(error), cure)
        return
    yield Finding("SoapySDR", SoapySDR.getAPIVersion())
    modules = [Path(path).stem for path in SoapySDR.listModules()]
    cure = "" if modules else "apt-get install soapysdr-module-uhd (USRPs), -lms7, ..."
    yield Finding("SoapySDR modules", ", ".join(modules) or "none: no device can be opened", cure)
    yield _tool("SoapySDRUtil", "soapysdr-tools")
    yield _tool("g++", "g++ libsoapysdr-dev (for sdr-ota virtual-soapy)")


def _tool(name: str, package: str) -> Finding:
    where = shutil.which(name)
    return Finding(name, where or "not found", "" if where else f"apt-get install {package}")


_GNURADIO_CURE = "apt-get install gnuradio stterm gir1.2-gtk-3.0 python3-scipy python3-zmq"


def _gnuradio() -> Iterator[Finding]:
    yield _package("pyzmq", "gnuradio")
    code = (
        "import numpy, scipy, zmq; from gnuradio import gr; print(gr.version(), numpy.__version__)"
    )
    try:
        done = subprocess.run(
            [DEBIAN_PYTHON, "-c", code], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Finding("GNU Radio", str(error), _GNURADIO_CURE)
        return
    yield gnuradio_finding(done.stdout, done.stderr)
    yield _companion()


def _companion() -> Finding:
    name = "GNU Radio Companion"
    if not (where := shutil.which("gnuradio-companion")):
        return Finding(name, "not found", INSTALL)
    lacks = missing_for_a_window()
    return Finding(name, lacks or where, INSTALL if lacks else "")


def gnuradio_finding(said: str, complaint: str) -> Finding:
    """Return what the interpreter that should have GNU Radio said about it."""
    name = "GNU Radio"
    if said:
        version, numpy = said.split()
        return Finding(name, f"{version} with numpy {numpy} under {DEBIAN_PYTHON}")
    last = complaint.strip().splitlines()[-1] if complaint.strip() else "it crashed"
    if "numpy" in complaint:
        cure = f"GNU Radio needs numpy below 2 there: {DEBIAN_PYTHON} -m pip uninstall numpy"
        return Finding(name, last, cure)
    return Finding(name, last, _GNURADIO_CURE)


def foreign_packages() -> Iterator[Finding]:
    """Look for packages of others whose names are those of this project's folders."""
    home = Path(__file__).resolve().parents[2]
    for name in ("calibration", "flowgraphs"):
        found = importlib.util.find_spec(name)
        places = list(found.submodule_search_locations or []) if found else []
        origin = (found.origin if found else None) or (places[0] if places else None)
        if origin and not Path(origin).resolve().is_relative_to(home / name):
            cure = f"harmless here; if an import goes wrong: pip uninstall {name}"
            yield Finding(f"foreign package {name!r}", origin, cure)


def _plugins() -> Iterator[Finding]:
    from sdr_ota.assembly.plugin_findings import plugin_findings  # noqa: PLC0415 - imports much

    for found in plugin_findings():
        plugin = found.plugin
        kind = plugin.group.removeprefix("sdr_ota.").removesuffix("s")
        where = f"{plugin.reference} of {plugin.package}"
        said = f"{where}: {found.trouble}" if found.trouble else where
        yield Finding(f"{kind} {plugin.name!r}", said, found.cure)


_LOOKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    _base,
    _learning,
    _results,
    _pluto,
    _soapy,
    _gnuradio,
    foreign_packages,
    _plugins,
)
