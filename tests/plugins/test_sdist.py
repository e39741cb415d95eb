"""What is published as source builds the wheel that is published."""

import re
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]


def build(source: Path, folder: Path, *what: str) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(folder), *what]
    done = subprocess.run(
        command, cwd=source, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def files_of(folder: Path) -> dict[str, int]:
    """Return the checksum of every file of the one wheel in a folder, but for its own list."""
    (wheel,) = folder.glob("*.whl")
    with ZipFile(wheel) as held:
        return {i.filename: i.CRC for i in held.infolist() if not i.filename.endswith("/RECORD")}


@pytest.mark.slow
def test_a_wheel_from_the_source_distribution_is_the_one_from_the_checkout(tmp_path: Path) -> None:
    build(ROOT, tmp_path, "-t", "sdist", "-t", "wheel")
    (packed,) = tmp_path.glob("*.tar.gz")
    subprocess.run(["tar", "xzf", packed, "-C", tmp_path], timeout=60, check=True)
    unpacked = tmp_path / packed.name.removesuffix(".tar.gz")
    build(unpacked, tmp_path / "again", "-t", "wheel")
    assert files_of(tmp_path / "again") == files_of(tmp_path)
    assert (unpacked / "examples" / "labs" / "install.sh").stat().st_mode & 0o100
    assert not list(unpacked.glob("build"))


@pytest.mark.slow
def test_what_the_image_copies_builds_that_wheel_too(tmp_path: Path) -> None:
    image = tmp_path / "source"  # as the Dockerfile's WORKDIR
    image.mkdir()
    text = (ROOT / "examples" / "labs" / "Dockerfile").read_text()
    for sources, target in re.findall(r"^COPY (.+) (\S+)$", text, re.MULTILINE):
        paths = [str(ROOT / source) for source in sources.split()]
        # Docker copies a folder's content, cp with -T too
        how = "-R" if target == "./" else "-RT"
        subprocess.run(["cp", how, *paths, image / target], timeout=60, check=True)
    for folder, where in ((image, "image"), (ROOT, "checkout")):
        build(folder, tmp_path / where, "-t", "wheel")
    assert files_of(tmp_path / "image") == files_of(tmp_path / "checkout")
    (script,) = re.findall(r"^RUN (\S+\.sh) ", text, re.MULTILINE)
    assert (image / script).stat().st_mode & 0o100
    assert (image / "scripts" / "need-debian.sh").is_file()
