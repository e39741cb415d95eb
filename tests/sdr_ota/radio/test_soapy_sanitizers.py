"""The virtual radios' C++ driver under AddressSanitizer and UBSan, at good and at lying servers."""

import os
import re
import shutil
import socketserver
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from sdr_ota.air.presets import air_preset
from sdr_ota.air.settings import AirSettings
from sdr_ota.radio.virtual.soapy_module import SOURCE
from sdr_ota.radio.virtual.soapy_server import VirtualSoapy
from sdr_ota.radio.virtual.soapy_world import SoapyWorld

pytestmark = pytest.mark.slow  # it is compiled for these tests alone

HARNESS = Path(__file__).with_name("soapy_driven.cpp")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
N_CALLS = 10_000
PATIENCE_S = 240.0


@pytest.fixture(scope="module")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver with calls from a seed in one program, watched by both sanitizers."""
    compiler, folder = shutil.which("g++"), tmp_path_factory.mktemp("sanitized")
    assert compiler, "g++ is missing: apt-get install g++"
    (folder / "empty.cpp").write_text("int main() {}")
    has_them = subprocess.run(
        [compiler, *SANITIZERS, "-o", folder / "empty", folder / "empty.cpp"],
        capture_output=True, check=False,
    )  # fmt: skip
    if has_them.returncode:
        pytest.skip("this compiler has no sanitizers")
    program = folder / "driven"
    subprocess.run(
        [compiler, "-std=c++17", "-O0", "-g1", *SANITIZERS, f"-I{SOURCE.parent}",
         "-o", program, HARNESS, "-lSoapySDR"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return program


def drive(program: Path, port: int, place: int, seed: int, n_calls: int) -> tuple[int, int]:
    """Return how many calls were carried out and how many refused."""
    words = [str(number) for number in (port, place, seed, n_calls)]
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, timeout=PATIENCE_S, check=False,
        env=os.environ | {"SOAPY_SDR_PLUGIN_PATH": "", "SOAPY_SDR_LOG_LEVEL": "FATAL"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found = re.fullmatch(r"(\d+) done, (\d+) refused\n", done.stdout)
    assert found, done.stdout
    return int(found[1]), int(found[2])


@pytest.mark.parametrize("place", [0, 1])
def test_no_calls_break_the_driver(driven: Path, place: int) -> None:
    world = SoapyWorld(AirSettings(air_preset("ideal"), 2, 1e6, 915e6, 1), n_channels=2)
    with VirtualSoapy(world) as served:
        n_done, n_refused = drive(driven, served.port, place, 1, N_CALLS)
        assert n_done > N_CALLS / 20
        assert n_refused > N_CALLS / 20


LIES = (
    b"OK\n", b"OK 0\n", b"OK nan\n", b"OK -1\n", b"OK 1e400 2 3\n", b"OK serial 0 1 1\n",
    b"OK serial nan 1 1\n", b"OK serial 1e6 1 99999999\n", b"OK serial 1e6 1 1\n", b"OK 5\n",
    b"OK 99999999999999999999\n", b"NO reason\n", b"NO\n", b"\n", b"what?\n", b"OK 0\nhalf", b"",
    b"x" * 100_000,
)  # fmt: skip


class _Liar(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        """Answer anything, and sometimes leave."""
        rng = np.random.default_rng(self.server.n_met)  # type: ignore[attr-defined]
        self.server.n_met += 1  # type: ignore[attr-defined]
        good = rng.random() < 0.7
        try:
            for line in self.rfile:
                if good and line.startswith(b"HELLO"):
                    self.wfile.write(b"OK serial 1e6 1 1\n")
                    continue
                lie = LIES[int(rng.integers(len(LIES)))]
                self.wfile.write(lie)
                if not lie.endswith(b"\n"):
                    return  # a driver would wait for the rest
        except OSError:
            return


@pytest.fixture
def liar() -> Iterator[int]:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Liar) as server:
        server.daemon_threads = True
        server.n_met = 0  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield int(server.server_address[1])
        server.shutdown()


def test_no_answers_break_the_driver(driven: Path, liar: int) -> None:
    n_done, n_refused = drive(driven, liar, 0, 1, 1000)
    assert n_done > 0
    assert n_refused > 100
