"""What differs between libiio 0.x and 1.x as pyadi-iio and pylibiio show them: all of it is here.

Boards' firmware and distributions move from one to the other; a program meets whichever is
installed. Of 1.x, pyadi-iio 0.0.21 keeps streams and blocks beside the buffer, and its own
``*_destroy_buffer`` forgets the buffer only: a cyclic frame would stay on the air.
"""

from typing import Any

_RECEIVING = ("_rx_stream",)
_SENDING = ("_tx_block", "_tx_stream", "_tx_buf_stream")
"""What pyadi-iio keeps over libiio 1.x, in the order in which it can be let go of."""


def destroy_receive_buffer(sdr: Any) -> None:
    """Give a receive buffer back to the board; does nothing where there is none.

    Args:
        sdr: pyadi-iio's object of the board.
    """
    sdr.rx_destroy_buffer()
    _forget(sdr, _RECEIVING)


def destroy_transmit_buffer(sdr: Any) -> None:
    """Give a transmit buffer back to the board, which falls silent."""
    sdr.tx_destroy_buffer()
    _forget(sdr, _SENDING)


def _forget(sdr: Any, names: tuple[str, ...]) -> None:
    for name in names:
        if getattr(sdr, name, None) is not None:
            setattr(sdr, name, None)


def keep_one_kernel_buffer(sdr: Any) -> None:
    """Let the next receive buffer be the only one: others would hold older samples."""
    if hasattr(sdr._rxadc, "set_kernel_buffers_count"):
        sdr._rxadc.set_kernel_buffers_count(1)
    else:
        sdr._rx_buffer_num_blocks = 1


def boards_found(iio: Any, way: str) -> dict[str, str]:
    """Return libiio's description of every board that is found one way, by its URI.

    Args:
        iio: The module of pylibiio; its own function always asks every way.
        way: ``usb``, ``local`` or ``ip``.
    """
    if iio.version[0] >= 1:
        found = iio._scan(None, way.encode())
        n_found = iio._scan_get_results_count(found)
        uri, about = iio._scan_get_uri, iio._scan_get_description
        pairs = {uri(found, k): about(found, k) for k in range(n_found)}
        iio._scan_destroy(found)
    else:
        context = iio._create_scan_context(way.encode(), 0)
        entries = iio._POINTER(iio._ContextInfoPtr)()
        n_found = iio._get_context_info_list(context, iio._byref(entries))
        uri, about = iio._context_info_get_uri, iio._context_info_get_description
        pairs = {uri(entries[k]): about(entries[k]) for k in range(n_found)}
    return {where.decode(): what.decode(errors="replace") for where, what in pairs.items()}
