"""What differs between libiio 0.x and 1.x as pyadi-iio and pylibiio show them: all of it is here.

Boards' firmware and distributions move from one to the other; a program meets whichever is
installed. Over 1.x, pyadi-iio 0.0.21 has two faults that matter here. It keeps streams and blocks
beside the buffer, and its own ``*_destroy_buffer`` forgets the buffer only: a cyclic frame would
stay on the air. And it makes the block of a cyclic frame as many bytes long as the frame has
samples: a quarter of it would be repeated.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

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


def send(sdr: Any, codes: NDArray[np.int16], is_cyclic: bool) -> None:
    """Hand a buffer to the converter, once or to be repeated.

    Args:
        sdr: pyadi-iio's object of the board; its transmit buffer has been destroyed.
        codes: I and Q, shape ``(2, n_samples)``.
        is_cyclic: Whether it is repeated until the buffer is destroyed.
    """
    sdr.tx_cyclic_buffer = is_cyclic
    if is_cyclic and hasattr(sdr._txdac, "get_buffer"):
        _repeat_block(sdr, codes)
    else:
        sdr.tx(codes[0] + 1j * codes[1])


def _repeat_block(sdr: Any, codes: NDArray[np.int16]) -> None:
    """Do over libiio 1.x what pyadi-iio would, with a block of the right length."""
    import iio  # noqa: PLC0415 - optional

    sdr.disable_dds()
    mask = iio.ChannelsMask(sdr._txdac)
    mask.channels = [sdr._txdac.find_channel(f"voltage{k}", True) for k in range(len(codes))]
    sdr._txbuf = sdr._txdac.get_buffer()
    sdr._tx_buf_stream = sdr._txbuf.open(mask)
    data = bytearray(codes.T.astype("<i2").tobytes())
    sdr._tx_block = iio.Block(sdr._tx_buf_stream, len(data))
    sdr._tx_block.write(data)
    sdr._tx_block.enqueue(None, True)
    sdr._tx_buf_stream.started = True


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
