"""The reader of recordings beside the SigMF library, which Debian's own Python does not have."""

from hashlib import sha512
from pathlib import Path

import numpy as np
import pytest
import sigmf

from sdr_ota.signal.iq_file import read_iq_file
from tests.sdr_ota.signal.recordings import TYPES, recorded, words


@pytest.mark.parametrize("name", TYPES)
def test_every_datatype_is_read_as_the_sigmf_library_reads_it(tmp_path: Path, name: str) -> None:
    data = words(TYPES[name]).tobytes()
    path = recorded(tmp_path, data, name, sha512=sha512(data).hexdigest())
    theirs = sigmf.sigmffile.fromfile(str(path)).read_samples()
    for file in (path, path.with_suffix(".sigmf-data")):
        ours = read_iq_file(file)
        assert (ours.n_samples, ours.sample_rate_hz) == (50, 1e6)
        np.testing.assert_allclose(ours.samples(), theirs, atol=1e-6)
        np.testing.assert_array_equal(ours.samples(10, 5), ours.samples()[10:15])


def test_an_archive_is_its_recording(tmp_path: Path) -> None:
    path = recorded(tmp_path, words("<i2").tobytes(), "ci16_le")
    made = sigmf.sigmffile.fromfile(str(path))
    made.archive(str(tmp_path / "b.sigmf"))
    archived = read_iq_file(tmp_path / "b.sigmf")
    np.testing.assert_array_equal(archived.samples(), read_iq_file(path).samples())
