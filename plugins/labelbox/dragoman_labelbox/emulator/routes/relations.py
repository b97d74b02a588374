"""What an object is related to: one question per relation, `GetDataRowDatasetPyApi` and the like.

Whoever made something is always the user of the key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dragoman_labelbox.emulator import wire
from dragoman_labelbox.emulator.graphql import Handler, Query
from dragoman_labelbox.emulator.state import ROLES, State, found

Json = dict[str, Any]
One = Callable[[str], Json | None]
Many = Callable[[str], Iterable[Json]]

TASKS = ("Task", "DataUpsertTask")
IMPORTS = ("LabelImport", "MALPredictionImport", "MEAPredictionImport", "MEAToMALPredictionImport")
MADE = ("Project", "Dataset", "DataRow", "Label", "Review", "Benchmark", "Ontology", "Webhook", *TASKS, *IMPORTS)
"""Kinds of objects that somebody has made."""
OWNED = ("Project", "Dataset", "DataRow", "Review", "Webhook", "User", *TASKS)
"""Kinds of objects that are the organization's."""


class Relations:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def operations(self) -> dict[str, Handler]:
        ones = {**self._makers(), **self._owners(), **self._parents()}
        handlers = {_name(*relation): _one(relation[1], find) for relation, find in ones.items()}
        handlers |= {_name(*relation): _many(relation[1], find) for relation, find in self._children().items()}
        return handlers | self._of_organization()

    def _makers(self) -> dict[tuple[str, str], One]:
        return {
            **{(kind, "createdBy"): lambda _: wire.user(self._state.user) for kind in MADE},
            ("Batch", "user"): lambda _: wire.user(self._state.user),
        }

    def _owners(self) -> dict[tuple[str, str], One]:
        return {(kind, "organization"): lambda _: wire.organization(self._state) for kind in OWNED}

    def _parents(self) -> dict[tuple[str, str], One]:
        state = self._state
        return {
            ("Dataset", "signer"): lambda key: state.integrations.get(state.dataset(key).integration or ""),
            ("DataRow", "dataset"): lambda key: wire.dataset(state.datasets[state.row(key).dataset_id]),
            ("Label", "project"): lambda key: wire.project(state.label(key)[0]),
            ("Label", "dataRow"): lambda key: wire.data_row(state, state.rows[state.label(key)[1]]),
            ("Review", "project"): lambda key: wire.project(state.reviewed(key)[0]),
            ("Review", "label"): lambda key: wire.label(state, *state.reviewed(key)[1:]),
            ("Benchmark", "referenceLabel"): lambda key: wire.label(state, *state.label(key)[1:]),
            ("User", "orgRole"): lambda key: wire.role(found(state.users, key, "User").role_id),
            ("Webhook", "project"): self._hooked,
            ("ProjectModelConfig", "modelConfig"): self._config,
        }

    def _hooked(self, key: str) -> Json | None:
        project_id = found(self._state.webhooks, key, "Webhook")["projectId"]
        return wire.project(self._state.projects[project_id]) if project_id in self._state.projects else None

    def _config(self, key: str) -> Json | None:
        links = {link: config for project in self._state.projects.values() for link, config in project.configs.items()}
        return self._state.configs.get(links.get(key, ""))

    def _children(self) -> dict[tuple[str, str], Many]:
        state = self._state
        return {
            ("DataRow", "labels"): lambda key: (
                wire.label(state, *each[1:]) for each in state.labels() if each[1] == key
            ),
            ("Ontology", "projects"): lambda key: (
                wire.project(project) for project in state.projects.values() if project.ontology_id == key
            ),
            ("User", "projects"): self._seen,
            ("Project", "webhooks"): lambda key: (hook for hook in state.webhooks.values() if hook["projectId"] == key),
            ("Project", "benchmarks"): lambda key: map(
                wire.benchmark, (label for label in state.project(key).labels.values() if label.benchmarked)
            ),
            ("Label", "reviews"): lambda key: map(wire.review, state.label(key)[2].reviews.values()),
        }

    def _seen(self, key: str) -> Iterable[Json]:
        """Return the projects that a user sees: those to which they were added, if they have no role everywhere."""
        user = found(self._state.users, key, "User")
        everything = ROLES[user.role_id] != "None"
        return (wire.project(each) for each in self._state.projects.values() if everything or each.id in user.roles)

    def _of_organization(self) -> dict[str, Handler]:
        """Return the handlers of what the organization has; it is never named."""
        state = self._state
        return {
            "GetOrganizationUsersPyApi": lambda query: {"users": query.paged(state.users.values(), wire.user)},
            "GetOrganizationProjectsPyApi": lambda query: {
                "projects": query.paged(state.projects.values(), wire.project)
            },
            "GetOrganizationTasksPyApi": lambda query: {"tasks": query.paged(state.jobs.tasks(), wire.task)},
            "GetOrganizationWebhooksPyApi": lambda query: {"webhooks": query.paged(state.webhooks.values(), dict)},
        }


def _name(kind: str, relation: str) -> str:
    return f"Get{kind}{relation[0].upper()}{relation[1:]}PyApi"


def _one(name: str, find: One) -> Handler:
    def answer(query: Query) -> Json:
        return {name: find(query.subject())}

    return answer


def _many(name: str, find: Many) -> Handler:
    def answer(query: Query) -> Json:
        return {name: query.paged(find(query.subject()), dict)}

    return answer
