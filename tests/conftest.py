"""Options of the whole suite."""

from pathlib import Path

import pytest

from sdr_ota.radio.virtual.soapy_module import build_module


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--radio",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="with -m hardware: transmitter, then receiver; one address for a full-duplex radio",
    )
    parser.addoption(
        "--radio-freq-hz", type=float, default=915e6, help="where the hardware tests transmit"
    )


@pytest.fixture(scope="session")
def virtual_soapy_driver() -> Path:
    """SoapySDR learns of the virtual driver once, before its first device is opened."""
    import SoapySDR  # noqa: PLC0415

    module = build_module()
    assert SoapySDR.loadModule(str(module)) == ""
    return module
