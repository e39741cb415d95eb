"""SoapySDR learns of the virtual driver once, before its first device is opened."""

import pytest

from sdr_ota.radio.virtual.soapy_module import build_module


@pytest.fixture(scope="session", autouse=True)
def virtual_soapy_driver() -> None:
    import SoapySDR  # noqa: PLC0415

    assert SoapySDR.loadModule(str(build_module())) == ""
