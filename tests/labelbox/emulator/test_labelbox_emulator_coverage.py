"""Every operation that occurs in the SDK's source is served; the SDK's next release will tell which are missing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import labelbox
import pytest
from labelbox import utils
from labelbox.orm.db_object import DbObject, Deletable, Updateable

from dragoman_labelbox.emulator import create
from dragoman_labelbox.emulator.routes import HANDLERS

WRITTEN = re.compile(r"(?:query|mutation)\s+([A-Za-z_]\w*Py(?:Api|Pi))\s*[({]")
NAMED = re.compile(r"(?:mutation_name|method) = \"(\w+)\"")
"""How the source names an operation whose text is put together."""
NOT_EMULATED = {
    # Additions are never split into jobs here.
    "ContinueAddUserGroupMembersPyApi",
}
NO_OPERATIONS = {"createBulkAddRowsToQueueTaskPyApi"}
"""Names of fields, not of operations."""
NOT_REACHED = {
    # Classes of which nothing is made, and one whose name the SDK spells in a way that it never asks for.
    "GetAnnotationImportCreatedByPyApi",
    "GetCreatableAnnotationImportCreatedByPyApi",
    "GetLabelingFrontendOptionsLabelingFrontendPyApi",
    "GetLabelingFrontendOptionsOrganizationPyApi",
    "GetLabelingFrontendOptionsProjectPyApi",
    "GetOrganizationResourceTagssPyApi",
    "updateProjectResourceTagPyApi",
    # Webhooks are updated by an operation of their own.
    "updateWebhookPyApi",
}


@pytest.fixture(scope="module")
def served() -> set[str]:
    """The names of the operations that the emulator answers."""
    state = create("key").state
    return {name for subject in HANDLERS for name in subject(state).operations()}


def written() -> set[str]:
    """The operations whose names stand in the source of the SDK."""
    sources = [path.read_text("utf-8") for path in Path(labelbox.__file__).parent.rglob("*.py")]
    named = {f"{name}PyApi" for source in sources for name in NAMED.findall(source)}
    return {name for source in sources for name in WRITTEN.findall(source)} | named


def kinds(base: type = DbObject) -> Iterator[type]:
    """Yield the classes of the SDK's objects."""
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


def derived() -> Iterator[str]:
    """Yield the operations that the SDK derives from its classes: relations, changes and deletions."""
    for kind in kinds():
        name = kind.type_name()
        for relation in kind.relationships():
            if not relation.cache:
                yield f"Get{name}{utils.title_case(relation.graphql_name)}PyApi"
        if issubclass(kind, Updateable):
            yield f"update{name}PyApi"
        if issubclass(kind, Deletable):
            yield f"delete{name}PyApi"


def test_the_source_has_the_operations_that_are_looked_for() -> None:
    assert {"createModelPyApi", "createBatchV2PyApi", "exportDataRowsInProjectPyApi"} <= written()
    assert {"GetDataRowDatasetPyApi", "updateDataRowPyApi", "deleteProjectPyApi"} <= set(derived())


def test_operations_that_are_written_out_are_served(served: set[str]) -> None:
    assert written() - served - NO_OPERATIONS == NOT_EMULATED


def test_operations_that_are_derived_are_served(served: set[str]) -> None:
    assert set(derived()) - served == NOT_REACHED


def test_no_operation_has_two_handlers() -> None:
    state = create("key").state
    names = [name for subject in HANDLERS for name in subject(state).operations()]
    assert len(names) == len(set(names))
