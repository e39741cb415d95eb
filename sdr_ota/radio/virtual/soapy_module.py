"""Compiles the SoapySDR driver of the virtual radios, once, and tells SoapySDR where it is."""

import hashlib
import os
import shutil
import subprocess
from pathlib import Path

from platformdirs import user_cache_path

from sdr_ota.radio.base import RadioNotFound

_FLAGS = ("-std=c++17", "-O2", "-Wall", "-shared", "-fPIC")
SOURCE = Path(__file__).with_name("soapy_module.cpp")
_SOURCES = (SOURCE, SOURCE.with_name("soapy_connection.hpp"))


def build_module(folder: Path | None = None) -> Path:
    """Return the compiled driver; compile it (two seconds) if this version is not there yet.

    Args:
        folder: Where it is kept; the user's cache folder if not given.

    Raises:
        RadioNotFound: If there is no compiler or SoapySDR's headers are missing.
    """
    source = b"".join(path.read_bytes() for path in _SOURCES)
    name = f"sdr-ota-{hashlib.sha256(source).hexdigest()[:12]}"
    home = (folder or user_cache_path("sdr-ota")) / name
    library = home / "libotavirtual.so"
    if library.exists():
        return library
    compiler = shutil.which("g++")
    if compiler is None:
        raise RadioNotFound("virtual SoapySDR devices need a compiler: apt-get install g++")
    home.mkdir(parents=True, exist_ok=True)
    unfinished = library.with_suffix(f".{os.getpid()}")
    made = subprocess.run(
        [compiler, *_FLAGS, "-o", unfinished, SOURCE, "-lSoapySDR"],
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        raise RadioNotFound(
            "the driver of the virtual SoapySDR devices does not compile; "
            f"apt-get install libsoapysdr-dev?\n{made.stderr[-2000:]}"
        )
    unfinished.replace(library)
    return library
