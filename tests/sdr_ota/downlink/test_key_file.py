"""A key that others may read is refused; numbers under it outlive the process that used them."""

from pathlib import Path

import pytest

from sdr_ota.downlink.key_file import KeyFileError, kept_number, read_key

SECRET = bytes(range(32))


def key_at(folder: Path, secret: bytes = SECRET, mode: int = 0o600) -> Path:
    path = folder / "run.key"
    path.write_bytes(secret)
    path.chmod(mode)
    return path


def test_a_key_is_what_the_file_holds(tmp_path: Path) -> None:
    assert read_key(key_at(tmp_path)) == SECRET
    assert read_key(key_at(tmp_path, SECRET * 3, 0o400)) == SECRET * 3


@pytest.mark.parametrize("mode", [0o604, 0o640, 0o602, 0o620, 0o666])
def test_a_key_that_others_may_read_or_change_is_refused(tmp_path: Path, mode: int) -> None:
    with pytest.raises(KeyFileError, match=rf"mode {mode:04o}.*chmod 600"):
        read_key(key_at(tmp_path, mode=mode))


def test_a_key_that_is_short_or_missing_is_refused_with_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"31 bytes; at least 32.*umask 077; head -c 32"):
        read_key(key_at(tmp_path, SECRET[:-1]))
    with pytest.raises(KeyFileError, match=r"there is no key .*nowhere.*head -c 32"):
        read_key(tmp_path / "nowhere")


def test_a_number_is_there_again_for_the_next_process(tmp_path: Path) -> None:
    path = tmp_path / "run.key.sent"
    with kept_number(path, -1) as number:
        assert number.value == -1
    with kept_number(path, 0) as number:
        assert number.value == 0
        number.keep(1234)
        assert path.read_text() == f"{1234:020d}\n"
        number.keep(7)
    with kept_number(path, 0) as number:
        assert number.value == 7


def test_a_number_in_use_or_damaged_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.key.sent"
    with (
        kept_number(path, 0),
        pytest.raises(KeyFileError, match="in use"),
        kept_number(path, 0),
    ):
        pass
    for damaged in ("what?", "-7", "99999999999999999999999999", str(2**32)):
        path.write_text(damaged)
        with pytest.raises(KeyFileError, match="no number from -1"), kept_number(path, 0):
            pass
        assert path.read_text() == damaged


def test_a_key_that_is_there_and_cannot_be_read_is_not_to_be_made_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError) as refused:
        read_key(tmp_path)
    assert "Is a directory" in str(refused.value)
    assert "urandom" not in str(refused.value)
