"""Settings of the local backend: where its folder is, and what it computes on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field
from pydantic_settings import SettingsConfigDict

from dragoman.settings import PlatformSettings
from dragoman_local.state import Engine


def default_root() -> Path:
    """Return the folder that is used when none is chosen: `dragoman/local` in the user's data folder (XDG)."""
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "dragoman" / "local"


def _absolute(path: Path) -> Path:
    # A training worker runs in another folder than its caller, and must mean the same one.
    try:
        return path.expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"no home is known for {path.parts[0]}") from error


class LocalSettings(PlatformSettings):
    """Settings of the local backend; in the environment they are `DRAGOMAN_LOCAL_ROOT` and so on."""

    model_config = SettingsConfigDict(env_prefix="DRAGOMAN_LOCAL_")

    platform: ClassVar[str] = "local"

    root: Annotated[Path, AfterValidator(_absolute)] = Field(default_factory=default_root)
    """Folder of the state, the weights and the logs; made when it is first needed."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """What to compute on; `auto` takes CUDA where there is one."""
    threads: Annotated[int, Field(ge=1)] = 1
    """CPU threads of one training or prediction. More than one pays only on a machine that does nothing else."""
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 32
    """Images that a prediction takes through the network at a time."""
    workers: Annotated[int, Field(ge=1, le=64)] | None = None
    """Trainings that run at a time, the others wait; one per GPU here, or one on a CPU, if not given."""
    processes: Annotated[int, Field(ge=1, le=1024)] = 1
    """Processes that share one training, one for each GPU; on one machine set `workers` to 1 with them."""
    engine: Engine = "processes"
    """`ray` trains and predicts on a cluster whose machines all reach the same files below the same paths."""
    ray_address: str | None = None
    """Where Ray's cluster is, as `ray.init` takes it; else what `RAY_ADDRESS` says, else one made on this machine."""
