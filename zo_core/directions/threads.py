"""Work on one thread where the model is small."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use a single thread inside the block; the number is put back after it.

    The operations of a model of 100 k weights last microseconds. To share them among threads
    gains little on an idle machine and costs a factor of ten on a busy one, where each
    operation waits for a thread that another program has put aside. It also makes results
    independent of the number of cores.
    """
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)
