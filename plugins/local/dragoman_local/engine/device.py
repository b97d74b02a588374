"""Where and how numbers are computed: device, precision, threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dragoman.errors import Unsupported
from dragoman_local.engine.config import Device, Precision


def pick_device(wanted: Device) -> torch.device:
    """Return the device; `auto` takes CUDA when there is one. Raises `Unsupported` for CUDA without a GPU."""
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Unsupported(
            "torch sees no CUDA device on this machine.",
            hint='Use device="auto" or "cpu", or install a CUDA build of torch and its driver.',
        )
    return torch.device("cuda" if available and wanted != "cpu" else "cpu")


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the autocast context; `auto` takes bfloat16 only where the hardware multiplies it."""
    enabled = precision == "bf16" or (precision == "auto" and _fast_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Bound torch's threads inside the block: with more threads than free cores it is slower by far."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch has no public question for this. A CPU without the instructions emulates them, which was
    # measured to be ten times slower than float32.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())
