"""One mistake has one exit code, whichever command meets it, and one sentence; none has a trace."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from sdr_ota.cli.application import run_application
from sdr_ota.failure import NO_RADIO, WRONG_USE

NOBODY = "driver=pluto,uri=ip:127.0.0.1:1"
BENCH = """[radio]
receiver = "driver=pluto,uri=ip:127.0.0.1:2"
nodes = ["{node}"]
transmit_allowed = true
[clients]
count = 1
source = "synthetic"
[link]
scheme = "energy-difference"
[[band]]
low_hz = 900e6
high_hz = 930e6
"""
FILES = {
    "malformed.toml": "[run\nrounds = 3",
    "unknown.toml": "[run]\nruonds = 3",
    "preset.toml": '[air]\npreset = "nowhere"',
    "address.toml": BENCH.format(node="pluto 1"),
    "option.toml": BENCH.format(node="driver=pluto,url=ip:127.0.0.1"),
    "driver.toml": BENCH.format(node="driver=plutoo,uri=ip:127.0.0.1"),
    "nobody.toml": BENCH.format(node=NOBODY),
    "text.txt": "no samples",
    "band.toml": "",
}
BAND = ("--band", "900e6:930e6")
CONFIGS = (["run"], ["plan"], ["calibrate", "gain"], ["sweep"])

Row = tuple[Sequence[str], int]


def of_configs(file: str, code: int = WRONG_USE) -> list[Row]:
    return [([*command, file], code) for command in CONFIGS]


MISTAKES: Mapping[str, list[Row]] = {
    "missing file": [
        *of_configs("none.toml"),
        (["selftest", NOBODY, "--bench", "none.toml"], WRONG_USE),
        (["decode", "none.sigmf-meta"], WRONG_USE),
        (["listen", "none.sigmf-meta", "--once"], WRONG_USE),
        (["companion", "none.grc"], WRONG_USE),
    ],
    "malformed TOML": [
        *of_configs("malformed.toml"),
        (["selftest", NOBODY, "--bench", "malformed.toml"], WRONG_USE),
    ],
    "unknown key": [
        *of_configs("unknown.toml"),
        *((["run", "--demo", "--set", key], WRONG_USE) for key in ("run.ruonds=3", "x", "run=3")),
        (["plan", "--set", "run.ruonds=3"], WRONG_USE),
        (["calibrate", "gain", "--set", "run.ruonds=3"], WRONG_USE),
        (["dataset", "new", "--set", "run.ruonds=3"], WRONG_USE),
        (["selftest", NOBODY, *BAND, "--set", "run.ruonds=3"], WRONG_USE),
        (["selftest", NOBODY, "--bench", "unknown.toml"], WRONG_USE),
    ],
    "bad address": [
        *((command, code) for file in ("address", "option", "driver")
          for command, code in of_configs(f"{file}.toml")[:3]),
        *(([*command, address], WRONG_USE)
          for command in (["probe"], ["listen", "--once"], ["selftest", *BAND])
          for address in ("driver=pluto,url=ip:1", "driver=plutoo,uri=ip:1")),
    ],
    "empty address": [
        *(([*command, ""], WRONG_USE)
          for command in (["probe"], ["listen", "--once"], ["selftest", *BAND])),
    ],
    "no radio": [
        (["run", "nobody.toml"], NO_RADIO),
        (["calibrate", "gain", "nobody.toml"], NO_RADIO),
        (["probe", NOBODY], NO_RADIO),
        (["listen", NOBODY, "--once"], NO_RADIO),
        (["selftest", NOBODY, *BAND], NO_RADIO),
    ],
    "missing folder": [
        *(([command, "none"], WRONG_USE) for command in ("report", "replay", "watch")),
        (["export", "none", "--output", "new"], WRONG_USE),
        (["run", "--resume", "none"], WRONG_USE),
        (["calibrate", "gain", "--from-captures", "none"], WRONG_USE),
    ],
    "unknown preset": [
        *of_configs("preset.toml")[:3],
        (["run", "--demo", "--set", "air.preset=nowhere"], WRONG_USE),
        (["plan", "--set", "air.preset=nowhere"], WRONG_USE),
        (["calibrate", "gain", "--set", "air.preset=nowhere"], WRONG_USE),
        (["dataset", "new", "--preset", "nowhere"], WRONG_USE),
        (["compare", "--latency", "--air", "nowhere"], WRONG_USE),
        (["virtual-pluto", "--preset", "nowhere"], WRONG_USE),
        (["virtual-soapy", "--preset", "nowhere"], WRONG_USE),
    ],
}  # fmt: skip
TABLE = [
    pytest.param(command, code, id=f"{mistake}: {' '.join(command)}")
    for mistake, rows in MISTAKES.items()
    for command, code in rows
]


@pytest.mark.parametrize(("command", "code"), TABLE)
def test_alike_mistakes_end_alike(
    command: Sequence[str],
    code: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(sys, "argv", ["sdr-ota", *command])
    with pytest.raises(SystemExit) as ended:
        run_application()
    said = capsys.readouterr().err
    assert ended.value.code == code, said
    assert said.strip()
    assert "Traceback" not in said
    own = {"runs"} if command[0] == "run" else set()  # a run that found no radio says so there
    assert {path.name for path in tmp_path.iterdir()} - own == before
