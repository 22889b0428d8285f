"""The torch device that a user asks for."""

import torch

from unsynth.errors import UnsynthError

#: Stands for the GPU if there is one, else the CPU.
AUTO = "auto"


def find_device(name: str) -> torch.device:
    """Find a device by its name, or by :data:`AUTO`.

    Raises :class:`UnsynthError` for a device that this machine does not have.
    """
    if name == AUTO:
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise UnsynthError(
            f"--device {name} cannot be used ({reason}); choose another, such as cpu"
        ) from None
    return device
