"""The GraphQL operations, one module per subject; each subject maps operation names to handlers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from dragoman_labelbox.emulator.graphql import Handler
from dragoman_labelbox.emulator.routes.account import Account
from dragoman_labelbox.emulator.routes.datasets import Datasets
from dragoman_labelbox.emulator.routes.exports import Exports
from dragoman_labelbox.emulator.routes.foundry import Foundry
from dragoman_labelbox.emulator.routes.imports import Imports
from dragoman_labelbox.emulator.routes.models import Models
from dragoman_labelbox.emulator.routes.ontologies import Ontologies
from dragoman_labelbox.emulator.routes.projects import Projects
from dragoman_labelbox.emulator.routes.runs import Runs
from dragoman_labelbox.emulator.state import State


class Subject(Protocol):
    """A group of operations."""

    def operations(self) -> dict[str, Handler]: ...


HANDLERS: tuple[Callable[[State], Subject], ...] = (
    Account,
    Datasets,
    Ontologies,
    Projects,
    Models,
    Runs,
    Imports,
    Exports,
    Foundry,
)
