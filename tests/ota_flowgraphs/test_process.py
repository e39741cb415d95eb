"""Links to this project's packages lead to this checkout, wherever they led before."""

from pathlib import Path

from ota_flowgraphs.process import link_packages

import sdr_ota

HERE = Path(sdr_ota.__file__).resolve().parent


def test_a_link_of_another_checkout_is_replaced(tmp_path: Path) -> None:
    other = tmp_path / "other" / "sdr_ota"
    other.mkdir(parents=True)
    link = tmp_path / "packages" / "sdr_ota"
    link.parent.mkdir()
    for old in (other, tmp_path / "a checkout that is gone"):
        link.unlink(missing_ok=True)
        link.symlink_to(old)
        assert link_packages(tmp_path) == tmp_path / "packages"
        assert link.resolve() == HERE
    assert sorted(p.name for p in link.parent.iterdir()) == ["ota_flowgraphs", "sdr_ota"]
    before = link.lstat().st_ino
    link_packages(tmp_path)
    assert link.lstat().st_ino == before
