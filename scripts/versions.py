"""Tries what users install: both archives, each extra, old and new versions, other Pythons.

    .venv/bin/python scripts/versions.py [NAME ...]

Builds the wheel and the source distribution. Each environment is new and installs one of them from
the package indexes: with each extra alone, then something that needs the extra is done; with the
lowest versions that pyproject.toml allows, and under every Python with the newest, then fast tests
of the source distribution run against what was installed. Newest versions under the Python of
`make test` are what `make test` itself installs. Exit code 1 if anything failed; what this machine
cannot try (no such Python, no build of PyTorch, no answer from an index) is said and fails nothing.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

HOME = Path(__file__).parents[1]
PROJECT = tomllib.loads((HOME / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OWN = "3.11"
"""The oldest Python that is supported: the lowest versions and the extras are tried with it."""
PYTHONS = ("3.12", "3.13", "3.14")
PACKAGES = ("sdr_ota", "zo_core", "calibration/ota_calibration", "flowgraphs/ota_flowgraphs")
LEARNING = "llm"
RADIO = ("privacy", "pluto", "gnuradio", "cluster", "parquet", "hdf5", "tensorboard")
PI = ("llm", "privacy", "pluto", "cluster")
"""Of examples/labs/install.sh: what a Raspberry Pi gets."""
KEEPERS = (".pyenv/versions/{}.*/bin/python3", ".local/share/uv/python/cpython-{}.*/bin/python3")
"""Where pyenv and uv keep Pythons, below a user's home."""
PATIENCE_S = 600.0
LIMIT_S = 900.0
"""No environment is begun later than this: CI has other work."""
UNREACHABLE = ("Failed to fetch", "Could not connect", "error sending request", "not done after")
"""Words of uv, and ours, when an index does not answer."""
SELECTED = "not hardware and not slow and not gnuradio"
# Warnings of old or newer packages are no errors here, as they are in `make test`.
PYTEST = (
    "python", "-m", "pytest", "-q", "--tb=short", "-p", "no:cacheprovider", "-W", "ignore",
    "-o", "pythonpath=.", "-o", "filterwarnings=", "-m", SELECTED,
)  # fmt: skip

RUN = "sdr-ota run {source}/examples/link.toml --set run.rounds=3 && sdr-ota report runs/*"
"""What works without any extra."""
USES = {
    "llm": "sdr-ota run --demo --set run.rounds=2",
    "datasets": "python -c 'import datasets, zo_core.data.examples'",
    "cluster": "python -c 'import sdr_ota.study.sweep.cluster, ray'",
    "flower": "python -c 'import sdr_ota.door.flower'",
    "parquet": RUN + " --table parquet && ls runs/*/*.parquet",
    "hdf5": "python -c 'import h5py'",
    "tensorboard": "python -c 'from tensorboard.summary import Writer'",
    "pluto": "python -c 'import adi, iio'",
    "pluto-libiio1": "true",  # libiio 1.x is the user's own; without it, it cannot be imported
    "privacy": "python -c 'import dp_accounting.pld'",
    "docs": "python -c 'import griffe, latex2mathml, zensical'",
    "gnuradio": "python -c 'import sdr_ota.radio.virtual.zmq_node'",
    "dev": "python -c 'import cvxpy, hatchling, mypy, pytest, yaml' && ruff --version",
}
"""A line of shell for each extra, which fails where the extra does not bring what it is for."""
RADIO_TESTS = tuple(
    f"tests/sdr_ota/{room}" for room in ("signal", "config", "runs", "report", "air/channels")
)
LEARNING_TESTS = tuple(
    f"tests/zo_core/{room}" for room in ("directions", "stepping", "language/test_gguf.py")
)
"""Seconds of tests that touch the libraries: arrays, configs, files, figures, kernels, models."""


class NotHereError(Exception):
    """This machine has not got what an environment needs; the message says what."""


class FailedError(Exception):
    """The project does not work there; the message is what was said last."""


@dataclass(frozen=True)
class Environment:
    """One new environment and what is done in it.

    Attributes:
        name: To choose it by.
        python: Version of Python.
        extras: Of this project.
        lowest: Whether the lowest versions that pyproject.toml allows are taken.
        from_source: Whether the source distribution is installed, not the wheel.
        tests: Folders of tests to run; with none, the extras are used.
        platform: Of somebody else's machine: there must be wheels for it, nothing is installed.
    """

    name: str
    python: str = OWN
    extras: tuple[str, ...] = ()
    lowest: bool = False
    from_source: bool = False
    tests: tuple[str, ...] = ()
    platform: str = ""


def environments() -> Iterator[Environment]:
    """All that are tried; the longest first."""
    learning = (*LEARNING_TESTS, *RADIO_TESTS)
    yield Environment("lowest", extras=(LEARNING, *RADIO), lowest=True, tests=learning)
    yield Environment("lowest-radio", extras=RADIO, lowest=True, tests=RADIO_TESTS)
    for python in PYTHONS:
        yield Environment(f"python{python}", python, RADIO, tests=RADIO_TESTS)
        yield Environment(f"python{python}-llm", python, (LEARNING, *RADIO), tests=LEARNING_TESTS)
    yield Environment("arm64", extras=PI, platform="aarch64-manylinux_2_28")
    yield Environment("sdist", from_source=True)
    yield Environment("wheel")
    for extra in EXTRAS:
        yield Environment(f"wheel-{extra}", extras=(extra,))


@dataclass(frozen=True)
class Built:
    """What is tried, and with what: uv, and a folder with both archives."""

    uv: str
    folder: Path
    until_s: float

    @property
    def wheel(self) -> Path:
        """The wheel."""
        return next(self.folder.glob("*.whl"))

    @property
    def sdist(self) -> Path:
        """The source distribution."""
        return next(self.folder.glob("*.tar.gz"))

    @property
    def source(self) -> Path:
        """The source distribution unpacked, without our packages."""
        return self.folder / self.sdist.name.removesuffix(".tar.gz")


def main() -> int:
    """Try the chosen environments, two at a time; tell of each as it ends."""
    chosen = [e for e in environments() if e.name in sys.argv[1:] or not sys.argv[1:]]
    if unknown := {*sys.argv[1:]} - {e.name for e in chosen}:
        there = ", ".join(e.name for e in environments())
        print(f"no environment is called {', '.join(sorted(unknown))}; there are: {there}")
        return 2
    uv = shutil.which("uv", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if uv is None:
        print("uv, which makes the environments, is missing: make setup")
        return 2
    with tempfile.TemporaryDirectory(prefix="sdr-ota-versions-") as name:
        built = Built(uv, Path(name), time.monotonic() + LIMIT_S)
        build(built)
        with ThreadPoolExecutor(2) as two:
            verdicts = list(two.map(partial(tried, built), chosen))
    counts = [verdicts.count(verdict) for verdict in ("passed", "failed", "skipped")]
    print("{} passed, {} failed, {} skipped".format(*counts))
    return 1 if counts[1] else 0


def build(built: Built) -> None:
    """Build both archives; what is left of the source imports what an environment installs."""
    said([sys.executable, "-m", "hatchling", "build", "--directory", str(built.folder)])
    said(["tar", "xzf", str(built.sdist), "-C", str(built.folder)])
    for package in PACKAGES:
        shutil.rmtree(built.source / package)


def tried(built: Built, environment: Environment) -> str:
    """Make one environment, do what it is for, print one line; return the verdict."""
    began_s = time.monotonic()
    home = built.folder / environment.name
    try:
        if began_s > built.until_s:
            raise NotHereError("no time left")
        if environment.platform:
            resolve(built, environment)
        else:
            install(built, environment, home)
            use(built, environment, home)
        verdict, words = "passed", ""
    except NotHereError as reason:
        verdict, words = "skipped", f": {reason}"
    except FailedError as reason:
        verdict, words = "failed", f":\n{reason}"
    shutil.rmtree(home, ignore_errors=True)  # gigabytes, in all
    took_s = time.monotonic() - began_s
    print(f"{environment.name:20} {verdict} in {took_s:3.0f} s{words}", flush=True)
    return verdict


def install(built: Built, environment: Environment, home: Path) -> None:
    """Make the environment and install this project with its extras, from wheels only."""
    python, constraints = home / "bin" / "python", home / "constraints.txt"
    said([built.uv, "venv", "-q", "--seed", "--python", interpreter(environment.python), str(home)])
    needs_torch = LEARNING in environment.extras
    constraints.write_text(torch_for(python, environment.python) if needs_torch else "")
    packed = built.sdist if environment.from_source else built.wheel
    own = f"{PROJECT['name']}[{','.join(environment.extras)}] @ {packed.as_uri()}"
    command = [built.uv, "pip", "install", "-q", "--python", str(python), "-c", str(constraints)]
    command += ["--only-binary", ":all:"]
    command += ["--no-binary", PROJECT["name"]] if environment.from_source else []
    command += ["--resolution", "lowest-direct" if environment.lowest else "highest", own]
    from_index([*command, *(needed_by_tests() if environment.tests else ())])


def resolve(built: Built, environment: Environment) -> None:
    """Find a wheel of every package for another platform; metadata only."""
    command = [built.uv, "pip", "compile", "-q", "pyproject.toml", "--only-binary", ":all:"]
    command += ["--python-version", environment.python, "--python-platform", environment.platform]
    from_index([*command, *(word for extra in environment.extras for word in ("--extra", extra))])


def from_index(command: Sequence[str]) -> None:
    """Run what asks a package index.

    Raises:
        NotHereError: The index did not answer.
        FailedError: It has not got what was asked.
    """
    try:
        said(command)
    except FailedError as error:
        if any(words in str(error) for words in UNREACHABLE):
            raise NotHereError("a package index did not answer") from None
        raise


def interpreter(version: str) -> str:
    """Return a Python of a version: on the path, or one that pyenv or uv keeps.

    Raises:
        NotHereError: There is none.
    """
    kept = (p for keeper in KEEPERS for p in sorted(Path.home().glob(keeper.format(version))))
    for candidate in (shutil.which(f"python{version}"), *map(str, kept)):
        # a name on the path may be a stand-in that starts nothing
        if candidate and starts(candidate):
            return candidate
    raise NotHereError(f"no Python {version} on this machine")


def starts(python: str) -> bool:
    """Tell whether an interpreter can be started."""
    return not subprocess.run([python, "-V"], capture_output=True, check=False).returncode


def torch_for(python: Path, version: str) -> str:
    """Install the build of PyTorch that this project installs; return it as a constraint.

    Raises:
        NotHereError: No index that can be reached has it; the default build would bring gigabytes.
    """
    try:
        said(["scripts/install-torch.sh", str(python)])
    except FailedError:
        raise NotHereError(f"no index in reach has a CPU build of PyTorch for {version}") from None
    code = "from importlib.metadata import version; print('torch==' + version('torch'))"
    return said([str(python), "-c", code])


def needed_by_tests() -> Iterator[str]:
    """What the chosen tests import."""
    return (r for r in EXTRAS["dev"] if r.startswith(("pytest>", "pytest-timeout>", "cvxpy>")))


def use(built: Built, environment: Environment, home: Path) -> None:
    """Run the environment's tests, or use its extras, or else what needs none."""
    work = home / "work"
    work.mkdir()
    own = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "OMP_NUM_THREADS": "1"}
    own["XDG_STATE_HOME"] = str(work / "state")
    if environment.tests:
        said([*PYTEST, "--basetemp", str(work / "tmp"), *environment.tests], built.source, own)
        return
    for line in [USES[extra] for extra in environment.extras] or [RUN]:
        said(["bash", "-ec", line.format(source=built.source)], work, own)


def said(command: Sequence[str], folder: Path = HOME, own: Mapping[str, str] | None = None) -> str:
    """Run a command, with variables of its own, and return its output.

    Raises:
        FailedError: It failed, or took too long.
    """
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    try:
        done = subprocess.run(
            command, cwd=folder, env={**inherited, **(own or {})}, timeout=PATIENCE_S,
            stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise FailedError(f"{' '.join(command)}: not done after {PATIENCE_S:g} s") from None
    if done.returncode:
        raise FailedError(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
