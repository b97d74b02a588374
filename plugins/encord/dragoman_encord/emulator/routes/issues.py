"""Routes about issues: what somebody has to say about a data unit, a frame, a place on it or a label, with tags."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.people import OWNER
from dragoman_encord.emulator.routes.names import convert, get, page, post, read
from dragoman_encord.emulator.state import Project, State, found

UNIT, FRAME, PLACE, LABEL = "dataUnit", "frame", "frameCoordinate", "annotation"
KINDS = (UNIT, FRAME, PLACE, LABEL)


class NewIssues(msgspec.Struct):
    issues: list[dict[str, Any]]


class NewIssue(msgspec.Struct):
    anchor: dict[str, Any]
    comment: str
    issue_tags: list[str]


class Anchor(msgspec.Struct):
    type: str
    data_uuid: str
    space_id: str | None = None
    frame_index: int | None = None
    x: float | None = None
    y: float | None = None
    annotation_id: str | None = None
    frame_ranges: list[dict[str, int]] | None = None


class Deletion(msgspec.Struct):
    issue_uuids: list[str]


class Tags(msgspec.Struct):
    issue_tag_names: list[str]


class Issues:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[Route]:
        return [
            get("projects/{project}/issues", self.listed),
            post("projects/{project}/issues", self.create),
            post("projects/{project}/issues/delete", self.delete),
            get("projects/{project}/issue-tags", self.tags),
            post("projects/{project}/issue-tags", self.link_tags),
        ]

    def _project(self, request: Request) -> Project:
        return self._state.project(request.path_params["project"])

    async def listed(self, request: Request) -> object:
        unit = request.query_params.get("dataUnitId")
        shown = [issue for issue in self._project(request).issues.values() if unit in (None, issue["dataUuid"])]
        return page(request, shown, self._state.settings.page_limit)

    async def create(self, request: Request) -> object:
        project = self._project(request)
        wanted = [convert(issue, NewIssue) for issue in (await read(request, NewIssues)).issues]
        anchors = [self._checked(project, convert(issue.anchor, Anchor)) for issue in wanted]
        for issue, anchor in zip(wanted, anchors, strict=True):
            made = self._made(anchor, issue)
            project.issues[made["uuid"]] = made
        return Response(status_code=204)

    def _checked(self, project: Project, anchor: Anchor) -> Anchor:
        """Refuse an anchor that the project has no place for."""
        if anchor.type not in KINDS:
            raise ApiError(400, f"The emulated data have no place for issues of the kind {anchor.type}.")
        _, item = self._state.place(project, anchor.data_uuid)
        if anchor.type in (FRAME, PLACE) and not 0 <= (anchor.frame_index or 0) < (item.frames or 1):
            raise ApiError(400, f"There is no frame {anchor.frame_index}.")
        if anchor.type == LABEL:
            row = project.rows.get(("main", anchor.data_uuid))
            known = {**row.object_answers, **row.classification_answers} if row else {}
            found(known, anchor.annotation_id or "", "label")
        return anchor

    def _made(self, anchor: Anchor, wanted: NewIssue) -> dict[str, Any]:
        issue: dict[str, Any] = {
            "type": anchor.type,
            "uuid": self._state.new_id(),
            "dataUuid": anchor.data_uuid,
            "spaceId": anchor.space_id,
            "comments": [
                {"content": wanted.comment, "authorEmail": OWNER, "createdAt": self._state.clock.now().isoformat()}
            ],
            "tags": [self._tag(name) for name in wanted.issue_tags],
            "resolutionHistory": [],
        }
        if anchor.type in (FRAME, PLACE):
            issue["frameIndex"] = anchor.frame_index or 0
        if anchor.type == PLACE:
            issue["coordinate"] = {"x": anchor.x, "y": anchor.y}
        if anchor.type == LABEL:
            issue |= {"annotationId": anchor.annotation_id, "frameRanges": anchor.frame_ranges}
        return issue

    async def delete(self, request: Request) -> object:
        project = self._project(request)
        keys = [found(project.issues, key, "issue")["uuid"] for key in (await read(request, Deletion)).issue_uuids]
        project.issues = {key: issue for key, issue in project.issues.items() if key not in keys}
        return Response(status_code=204)

    # -- tags ---------------------------------------------------------------------------------------------------------

    def _tag(self, name: str) -> dict[str, str]:
        """Return a tag of the organisation, which has it from the first time that somebody names it."""
        key = self._state.organisation.issue_tags.setdefault(name, self._state.new_id())
        return {"name": name, "uuid": key}

    async def tags(self, request: Request) -> object:
        shown = [self._tag(name) for name in self._project(request).issue_tags]
        return page(request, shown, self._state.settings.page_limit)

    async def link_tags(self, request: Request) -> object:
        project = self._project(request)
        for name in (await read(request, Tags)).issue_tag_names:
            project.issue_tags[self._tag(name)["name"]] = None
        return Response(status_code=204)
