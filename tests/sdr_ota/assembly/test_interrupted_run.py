"""A run that is asked to end says so, whatever the interruption made of the call it fell into."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from sdr_ota.assembly import run as module
from sdr_ota.assembly.run import start_run
from sdr_ota.failure import INTERRUPTED, CommandFailed


@pytest.mark.parametrize("error", [ValueError("an open archive"), OSError(5, "gone")])
def test_an_error_that_an_interruption_raises_is_the_interruption(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> str:
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)  # the handler raises in here
        finally:
            raise error

    monkeypatch.setattr(module, "_run", interrupted)
    settings = ["clients.source=synthetic", f"run.folder={tmp_path}"]
    with pytest.raises(CommandFailed, match="go on with") as failed:
        start_run(None, settings)
    assert failed.value.exit_code == INTERRUPTED
    (stop,) = tmp_path.glob("*/stop.json")
    assert json.loads(stop.read_text())["ending"] == "abort"
