"""``SHA256SUMS`` of a folder, as ``sha256sum --check`` reads it."""

from hashlib import sha256
from pathlib import Path

from sdr_ota.runs.replaced_file import replace_file

SUMS = "SHA256SUMS"


def write_checksums(root: Path) -> None:
    """Write the checksum of every file under a folder, in the order of their names.

    Raises:
        OSError: If a file cannot be read or the sums cannot be written.
    """
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.name != SUMS)
    lines = [
        f"{sha256(path.read_bytes()).hexdigest()}  {path.relative_to(root).as_posix()}\n"
        for path in files
    ]
    replace_file(root / SUMS, "".join(lines).encode())
