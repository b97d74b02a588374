"""All services of the emulator, put together."""

from __future__ import annotations

from dragoman_viam.emulator.routes import Routes
from dragoman_viam.emulator.routes.account import Auth, Keys, Organisations
from dragoman_viam.emulator.routes.apps import Apps
from dragoman_viam.emulator.routes.billing import Billing
from dragoman_viam.emulator.routes.data import Data
from dragoman_viam.emulator.routes.databases import Databases
from dragoman_viam.emulator.routes.datasets import Datasets
from dragoman_viam.emulator.routes.exports import Exports
from dragoman_viam.emulator.routes.fleet import Locations, Parts, Robots, UserData
from dragoman_viam.emulator.routes.fragments import Fragments
from dragoman_viam.emulator.routes.histories import Histories
from dragoman_viam.emulator.routes.inference import Inference
from dragoman_viam.emulator.routes.modules import Modules
from dragoman_viam.emulator.routes.packages import Packages
from dragoman_viam.emulator.routes.people import Favorites, Invites, Roles
from dragoman_viam.emulator.routes.pipelines import Pipelines
from dragoman_viam.emulator.routes.properties import Properties
from dragoman_viam.emulator.routes.queries import Queries
from dragoman_viam.emulator.routes.registry import Registry
from dragoman_viam.emulator.routes.sequences import Sequences
from dragoman_viam.emulator.routes.sharing import Sharing
from dragoman_viam.emulator.routes.tabular import Tabular
from dragoman_viam.emulator.routes.trainings import Containers, Trainings
from dragoman_viam.emulator.routes.uploads import Uploads
from dragoman_viam.emulator.routes.users import Users
from dragoman_viam.emulator.state import State

SUBJECTS = (
    Auth,
    Keys,
    Organisations,
    Users,
    Invites,
    Roles,
    Favorites,
    Apps,
    Billing,
    Locations,
    Sharing,
    Robots,
    Parts,
    Properties,
    UserData,
    Fragments,
    Histories,
    Datasets,
    Exports,
    Data,
    Databases,
    Pipelines,
    Tabular,
    Queries,
    Sequences,
    Uploads,
    Registry,
    Modules,
    Packages,
    Trainings,
    Containers,
    Inference,
)


def routes(state: State) -> list[Routes]:
    """Return the services of a state."""
    return [subject(state) for subject in SUBJECTS]
