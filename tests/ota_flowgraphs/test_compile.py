"""The modules that run are those that the .grc files describe."""

from pathlib import Path

import pytest
from ota_flowgraphs.compile import GENERATED, HOME, compile_flowgraphs, is_same_program

NAMES = {"receiver", "node_transmitter", "air", "spectrum_monitor"}


@pytest.mark.slow
@pytest.mark.gnuradio
def test_every_flowgraph_compiles_to_what_is_stored(gnuradio: str, tmp_path: Path) -> None:
    compile_flowgraphs(tmp_path)
    assert {path.stem for path in HOME.glob("*.grc")} == NAMES
    for name in NAMES:
        stored = (GENERATED / f"{name}.py").read_text()
        assert is_same_program(stored, (tmp_path / f"{name}.py").read_text()), (
            f"{name}.grc has changed: python -m ota_flowgraphs.compile"
        )


@pytest.mark.gnuradio
def test_a_flowgraph_that_does_not_compile_is_an_error(
    gnuradio: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (HOME / "receiver.grc").read_text().replace("max_cfo: sent.max_cfo", "max_cfo: '0.7'")
    (tmp_path / "receiver.grc").write_text(text)
    (tmp_path / "grc").symlink_to(HOME / "grc")
    monkeypatch.setattr("ota_flowgraphs.compile.HOME", tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)receiver\.grc: .*max_cfo"):
        compile_flowgraphs(tmp_path / "out")


def test_order_and_version_do_not_matter_but_statements_do() -> None:
    assert is_same_program("# version 1\na\n\nb\n", "# version 2\nb\na\n")
    assert not is_same_program("a\nb\n", "a\n")


@pytest.mark.gnuradio
def test_every_block_says_what_it_does_and_in_which_units(gnuradio: str) -> None:
    import yaml  # noqa: PLC0415

    for path in (HOME / "grc").glob("*.block.yml"):
        block = yaml.safe_load(path.read_text())
        assert path.name == f"{block['id']}.block.yml"
        assert len(block["documentation"]) > 100
        assert block["category"] == "[Over-the-air sums]"
        for parameter in block["parameters"]:
            is_measured = parameter["id"] in {"sample_rate", "center_freq", "gain_db", "max_cfo"}
            assert not is_measured or "(" in parameter["label"], parameter
