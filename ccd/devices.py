"""Which of several CUDA devices a process takes."""

from __future__ import annotations

from ccd.collector import collector_paused


def device_of(number: int, n_devices: int) -> int | None:
    """The device of the process with this number among those of its host; None for no choice.

    More processes than devices share them evenly.

    Args:
        number: Of the process, from 0.
        n_devices: CUDA devices of the host.
    """
    return number % n_devices if n_devices > 1 else None


def take_device(number: int) -> None:
    """Make one of several CUDA devices the one that ``cuda`` means in this process."""
    with collector_paused():
        import torch

    device = device_of(number, torch.cuda.device_count())
    if device is not None:
        torch.cuda.set_device(device)
