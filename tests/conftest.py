"""Options of the whole suite."""

import pytest


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
