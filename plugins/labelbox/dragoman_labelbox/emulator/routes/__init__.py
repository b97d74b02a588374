"""The GraphQL operations, one module per subject; each subject maps operation names to handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dragoman_labelbox.emulator.graphql import Handler
from dragoman_labelbox.emulator.routes.account import Account
from dragoman_labelbox.emulator.routes.attachments import Attachments
from dragoman_labelbox.emulator.routes.batches import Batches
from dragoman_labelbox.emulator.routes.catalog import Catalog
from dragoman_labelbox.emulator.routes.configs import Configs
from dragoman_labelbox.emulator.routes.credentials import Credentials
from dragoman_labelbox.emulator.routes.datasets import Datasets
from dragoman_labelbox.emulator.routes.exports import Exports
from dragoman_labelbox.emulator.routes.foundry import Foundry
from dragoman_labelbox.emulator.routes.groups import Groups
from dragoman_labelbox.emulator.routes.imports import Imports
from dragoman_labelbox.emulator.routes.integrations import Integrations
from dragoman_labelbox.emulator.routes.issues import Issues
from dragoman_labelbox.emulator.routes.keys import Keys
from dragoman_labelbox.emulator.routes.labels import Labels
from dragoman_labelbox.emulator.routes.metadata import Metadata
from dragoman_labelbox.emulator.routes.models import Models
from dragoman_labelbox.emulator.routes.ontologies import Ontologies
from dragoman_labelbox.emulator.routes.organization import Organization
from dragoman_labelbox.emulator.routes.projects import Projects
from dragoman_labelbox.emulator.routes.queues import Queues
from dragoman_labelbox.emulator.routes.relations import Relations
from dragoman_labelbox.emulator.routes.rosters import Rosters
from dragoman_labelbox.emulator.routes.runs import Runs
from dragoman_labelbox.emulator.routes.sending import Sending
from dragoman_labelbox.emulator.routes.services import Services
from dragoman_labelbox.emulator.routes.uploads import Uploads
from dragoman_labelbox.emulator.routes.workflows import Workflows
from dragoman_labelbox.emulator.state import State


class Subject(Protocol):
    """A group of operations."""

    def operations(self) -> dict[str, Handler]: ...


HANDLERS: tuple[Callable[[State], Subject], ...] = (
    Account,
    Attachments,
    Batches,
    Catalog,
    Configs,
    Credentials,
    Datasets,
    Exports,
    Foundry,
    Groups,
    Imports,
    Integrations,
    Issues,
    Keys,
    Labels,
    Metadata,
    Models,
    Ontologies,
    Organization,
    Projects,
    Queues,
    Relations,
    Rosters,
    Runs,
    Sending,
    Services,
    Uploads,
    Workflows,
)
