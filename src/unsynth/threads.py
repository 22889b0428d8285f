"""The number of threads that torch shares an operation among."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """Share torch's operations among ``count`` threads.

    With one thread, a result's last bits do not depend on the number of cores: a math library may
    add in another order if it shares the work.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
