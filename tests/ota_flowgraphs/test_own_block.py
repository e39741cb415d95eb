"""The block that the documentation puts between detector and decoder works as it stands there."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from ota_flowgraphs.compile import HOME, companion_environment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "gnuradio.md"
GOLDEN = ROOT / "tests" / "data" / "golden" / "ideal-coherent.sigmf-meta"


def quoted(language: str) -> str:
    """Return the page's only piece of code in a language."""
    (code,) = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    return str(code)


@pytest.mark.gnuradio
def test_the_documented_block_takes_its_place(gnuradio: str, tmp_path: Path) -> None:
    (tmp_path / "my_limiter.py").write_text(quoted("python"))
    (tmp_path / "my_limiter.block.yml").write_text(quoted("yaml"))
    flowgraph = yaml.safe_load((HOME / "receiver.grc").read_text())
    limiter = {"name": "limiter", "id": "my_limiter", "parameters": {"limit": "3"},
               "states": {"coordinate": [0, 0], "rotation": 0, "state": "enabled"}}  # fmt: skip
    flowgraph["blocks"].append(limiter)
    direct = ["synchroniser", "payloads", "decoder", "payloads"]
    flowgraph["connections"].remove(direct)
    flowgraph["connections"] += [
        ["synchroniser", "payloads", "limiter", "payloads"],
        ["limiter", "payloads", "decoder", "payloads"],
    ]
    flowgraph["options"]["parameters"]["id"] = "limited"
    (tmp_path / "limited.grc").write_text(yaml.safe_dump(flowgraph))
    environment = companion_environment(tmp_path)
    environment["GRC_BLOCKS_PATH"] += f":{tmp_path}"
    environment["PYTHONPATH"] += f":{tmp_path}"

    def run(*command: str) -> str:
        done = subprocess.run(
            [gnuradio, *command], cwd=tmp_path, env=environment, capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    run("/usr/bin/grcc", "limited.grc")
    about = json.loads(GOLDEN.read_text())["global"]
    seed = str(about["ota:seed"])
    said = run("limited.py", "--source", f"driver=file,path={GOLDEN}", "--seed", seed)
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (total,) = [line for line in lines if line["kind"] == "sum"]
    assert total["sum"] == pytest.approx(about["ota:true_sum"], abs=0.01)
