"""The connection to Ray's cluster, what the cluster has, and what its errors mean."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

from dragoman.errors import Unavailable, Unsupported

ANSWER_SECONDS = 10.0


class Lost(Exception):
    """A process on the cluster, or its machine, is gone; what it did may be tried again."""


def require_ray() -> None:
    """Raise `Unsupported` when Ray is not installed."""
    if find_spec("ray") is None:
        raise Unsupported(
            "The engine is ray, and Ray is not installed.",
            hint='Install dragoman-local[ray], or choose engine="processes".',
        )


def ray_module() -> Any:
    """Return Ray, imported when it is first needed. Raises `Unsupported` when it is not installed."""
    require_ray()
    # Ray would tell its makers of a cluster that is made here.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    return ray


@contextmanager
def connected(address: str | None, *, logs: bool = False) -> Iterator[None]:
    """Be connected to a cluster inside the block; a connection that this process has already is used and kept.

    Args:
        address: Where it is, as `ray.init` takes it; if not given, `RAY_ADDRESS` says it, and else one is made here.
        logs: Print what its processes print.

    Raises:
        Unsupported: Ray is not installed.
        Unavailable: The cluster does not answer.
    """
    ray = ray_module()
    ours = not ray.is_initialized()
    if ours:
        try:
            _check_address(address or os.environ.get("RAY_ADDRESS", ""))
            ray.init(address, include_dashboard=False, log_to_driver=logs, logging_level="ERROR")
        except (OSError, ValueError, RuntimeError) as error:
            raise Unavailable(
                f"Ray's cluster does not answer: {error}.",
                hint="Check the setting ray_address and the variable RAY_ADDRESS.",
            ) from error
    try:
        yield
    finally:
        if ours:
            ray.shutdown()


def _check_address(address: str) -> None:
    """Raise `OSError` when nobody listens at an address HOST:PORT. Ray would try for minutes."""
    host, _, port = address.rpartition(":")
    if host and port.isdigit() and "://" not in address:
        socket.create_connection((host, int(port)), timeout=ANSWER_SECONDS).close()


@contextmanager
def errors_of_the_cluster() -> Iterator[None]:
    """Raise inside the block what a process of the cluster raised, as it raised it.

    Raises:
        Lost: It raised nothing, but is gone.
    """
    errors = ray_module().exceptions
    try:
        yield
    except errors.RayTaskError as error:
        raise error.cause from error
    except errors.RayError as error:
        raise Lost(f"A process on the cluster is lost: {error}") from error


def gpus_of_the_cluster() -> int:
    """Return how many GPUs the machines of the cluster have."""
    return int(ray_module().cluster_resources().get("GPU", 0))
