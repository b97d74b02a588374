"""All services of the emulator, put together."""

from __future__ import annotations

from dragoman_viam.emulator.routes import Routes
from dragoman_viam.emulator.routes.account import Auth, Organisations
from dragoman_viam.emulator.routes.data import Data
from dragoman_viam.emulator.routes.datasets import Datasets
from dragoman_viam.emulator.routes.inference import Inference
from dragoman_viam.emulator.routes.packages import Packages
from dragoman_viam.emulator.routes.registry import Registry
from dragoman_viam.emulator.routes.trainings import Containers, Trainings
from dragoman_viam.emulator.routes.uploads import Uploads
from dragoman_viam.emulator.state import State

_GUARDED = (Organisations, Datasets, Data, Uploads, Registry, Packages, Trainings, Containers, Inference)


def routes(state: State, api_key: str, api_key_id: str) -> list[Routes]:
    """Return the services of a state, for whoever knows the key."""
    return [Auth(state, api_key_id, api_key), *(kind(state) for kind in _GUARDED)]
