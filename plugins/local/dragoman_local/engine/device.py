"""Where and how numbers are computed: device, precision, threads, memory, repeatability."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from dragoman.errors import PlatformError, Unsupported
from dragoman_local.engine.config import Device, Precision

MOST_LOADERS = 8


def pick_device(wanted: Device, index: int = 0) -> torch.device:
    """Return the device; `auto` takes CUDA when there is one. Raises `Unsupported` for CUDA without a GPU.

    Args:
        wanted: What was asked for.
        index: Which GPU, for processes that share a training.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise Unsupported(
            "torch sees no CUDA device on this machine.",
            hint='Use device="auto" or "cpu", or install a CUDA build of torch and its driver.',
        )
    return torch.device("cuda", index) if available and wanted != "cpu" else torch.device("cpu")


def autocast(device: torch.device, precision: Precision) -> torch.autocast:
    """Return the autocast context; `auto` takes bfloat16 only where the hardware multiplies it."""
    enabled = precision == "bf16" or (precision == "auto" and _fast_bfloat16(device))
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


def default_loaders(wanted: int | None, device: torch.device) -> int:
    """Return how many threads prepare images: on a CPU none, since they would take what the network needs."""
    if wanted is not None:
        return wanted
    return min(MOST_LOADERS, os.cpu_count() or 1) if device.type == "cuda" else 0


@contextmanager
def cpu_threads(count: int) -> Iterator[None]:
    """Bound torch's threads inside the block: with more threads than free cores it is slower by far."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def seed(number: int, device: torch.device) -> None:
    """Let torch's random numbers on the processor and on the device begin at `number`."""
    # torch.manual_seed also notes the stack for every kind of accelerator that is not in use, which takes milliseconds.
    torch.default_generator.manual_seed(number)
    if device.type == "cuda":
        torch.cuda.manual_seed(number)


@contextmanager
def repeatable(wanted: bool) -> Iterator[None]:
    """Let torch use only deterministic algorithms inside the block, where that is wanted."""
    if not wanted:
        # Left alone: a change of the mode loads torch's compiler.
        yield
        return
    before = torch.are_deterministic_algorithms_enabled()
    # cuBLAS asks for it: https://docs.nvidia.com/cuda/cublas/#results-reproducibility
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


@contextmanager
def enough_memory(use: str) -> Iterator[None]:
    """Turn what is raised inside the block when memory does not suffice into `PlatformError` with advice."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise _too_little(use) from error
    except RuntimeError as error:
        # On a CPU torch has no class of its own for it.
        if "can't allocate memory" not in str(error):
            raise
        raise _too_little(use) from error


def _too_little(use: str) -> PlatformError:
    return PlatformError(
        f"The memory does not suffice for {use}.",
        hint="Lower batch_size or image_size, or cut each batch into more parts with accumulate.",
    )


def _fast_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # torch has no public question for this. A CPU without the instructions emulates them, which was
    # measured to be ten times slower than float32.
    supported = getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)
    return bool(supported())
