"""A private run says what of it may be shown; a run without a promise claims nothing."""

import pytest

from sdr_ota.config.load import load_config
from sdr_ota.report.publishable import publishable


@pytest.mark.parametrize(
    ("trust", "words"),
    [
        ("local", "every node hid its own number"),
        ("server-sees-sum", "sums that are protected"),
        ("channel-noise-trusted", "the receiver's noise"),
    ],
)
def test_what_may_be_published_depends_on_whom_one_trusts(trust: str, words: str) -> None:
    config = load_config(None, ["privacy.protect=client", f"privacy.trust={trust}"])
    said = publishable({"config": config.model_dump(mode="json")})
    assert said is not None
    assert words in said


def test_without_a_promise_nothing_is_said() -> None:
    assert publishable({"config": load_config(None, []).model_dump(mode="json")}) is None
    assert publishable({}) is None
