"""Routes about users, groups and tags of the organisation, and about who may use one thing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from dragoman.emulate.app import ApiError
from dragoman_encord.emulator.people import OWNER, Access, Group
from dragoman_encord.emulator.routes.names import delete, get, page, patch, post, put, read, whole
from dragoman_encord.emulator.state import State, found

TAGS = "organisation/organisation-tags"


class Named(msgspec.Struct):
    name: str
    description: str | None = None


class Renamed(msgspec.Struct):
    name: str | None = None
    description: str | None = None


class Emails(msgspec.Struct):
    user_emails: list[str]


class NewGroups(msgspec.Struct):
    group_hash_list: list[str]
    user_role: int | str


class NewMember(msgspec.Struct):
    email: str
    role_mnemonic_name: str
    member_type: str


class People:
    """The handlers of this module."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._things: dict[str, Callable[[str], Any]] = {
            "projects/{thing}": state.project,
            "datasets/{thing}": state.dataset,
            "ontologies/{thing}": state.ontology,
            "storage/folders/{thing}": state.folder,
        }

    def routes(self) -> list[Route]:
        one = "organisation/groups/{group}"
        made = [
            get("user/current-organisation/groups", self.groups),
            post("organisation/groups", self.create_group),
            get(one, self.group),
            patch(one, self.update_group),
            delete(one, self.delete_group),
            get(f"{one}/users", self.group_users),
            post(f"{one}/users", self.add_group_users),
            post(f"{one}/users/bulk-delete", self.remove_group_users),
            get("organisation/users", self.members),
            post("organisation/users", self.add_member),
            delete("organisation/users/{email:path}", self.remove_member),
            get(TAGS, self.tags),
            post(TAGS, self.create_tag),
            delete(f"{TAGS}/{{tag}}", self.delete_tag),
            get("projects/{project}/tags", self.project_tags),
            put("projects/{project}/tags/{tag}", self.tag_project),
            delete("projects/{project}/tags/{tag}", self.untag_project),
            get("projects/{thing}/users", self.project_users),
            post("projects/{thing}/users/bulk-delete", partial(self.remove_users, self._state.project)),
            get("datasets/{thing}/users", self.dataset_users),
            post("datasets/{thing}/users/bulk-delete", partial(self.remove_users, self._state.dataset)),
        ]
        for path, find in self._things.items():
            made += [
                get(f"{path}/groups", partial(self.allowed, find)),
                post(f"{path}/groups", partial(self.allow, find)),
                delete(f"{path}/groups", partial(self.disallow, find)),
            ]
        return made

    # -- who may use one thing ----------------------------------------------------------------------------------------

    async def project_users(self, request: Request) -> object:
        users = self._state.project(request.path_params["thing"]).access.users
        shown = [{"userEmail": email, "userRole": role} for email, role in users.items()]
        return page(request, shown, self._state.settings.page_limit)

    async def dataset_users(self, request: Request) -> object:
        dataset = self._state.dataset(request.path_params["thing"])
        # The SDK reads one page.
        return whole(
            {"userEmail": email, "userRole": role, "datasetUuid": dataset.id}
            for email, role in dataset.access.users.items()
        )

    async def remove_users(self, find: Callable[[str], Any], request: Request) -> object:
        held: Access = find(request.path_params["thing"]).access
        held.remove_users((await read(request, Emails)).user_emails)
        return Response(status_code=204)

    async def allowed(self, find: Callable[[str], Any], request: Request) -> object:
        held: Access = find(request.path_params["thing"]).access
        groups = self._state.organisation.groups
        return whole(
            {**groups[key].to_json(), "userRole": role, "isSameOrganisation": True} for key, role in held.groups.items()
        )

    async def allow(self, find: Callable[[str], Any], request: Request) -> object:
        held: Access = find(request.path_params["thing"]).access
        wanted = await read(request, NewGroups)
        for key in wanted.group_hash_list:
            found(self._state.organisation.groups, key, "group")
        held.groups |= dict.fromkeys(wanted.group_hash_list, wanted.user_role)
        return Response(status_code=204)

    async def disallow(self, find: Callable[[str], Any], request: Request) -> object:
        held: Access = find(request.path_params["thing"]).access
        for key in request.query_params.getlist("groupHashList"):
            held.groups.pop(key, None)
        return Response(status_code=204)

    # -- groups -------------------------------------------------------------------------------------------------------

    def _group(self, request: Request) -> Group:
        return found(self._state.organisation.groups, request.path_params["group"], "group")

    async def groups(self, request: Request) -> object:
        return whole(group.to_json() for group in self._state.organisation.groups.values())

    async def create_group(self, request: Request) -> object:
        wanted = await read(request, Named)
        group = Group(
            id=self._state.new_id(),
            name=wanted.name,
            description=wanted.description or "",
            created=self._state.clock.now(),
            users={OWNER: None},
        )
        self._state.organisation.groups[group.id] = group
        return group.to_json()

    async def group(self, request: Request) -> object:
        return self._group(request).to_json()

    async def update_group(self, request: Request) -> object:
        group, changes = self._group(request), await read(request, Renamed)
        group.name = changes.name if changes.name is not None else group.name
        group.description = changes.description if changes.description is not None else group.description
        return group.to_json()

    async def delete_group(self, request: Request) -> object:
        group, state = self._group(request), self._state
        del state.organisation.groups[group.id]
        for things in (state.projects, state.datasets, state.ontologies, state.folders):
            for thing in things.values():
                thing.access.groups.pop(group.id, None)
        return Response(status_code=204)

    async def group_users(self, request: Request) -> object:
        return whole({"userEmail": email} for email in self._group(request).users)

    async def add_group_users(self, request: Request) -> object:
        group = self._group(request)
        emails = (await read(request, Emails)).user_emails
        known = self._state.organisation.members
        if unknown := [email for email in emails if email not in known]:
            raise ApiError(403, f"{unknown[0]} is no member of the organisation.")
        group.users |= dict.fromkeys(emails)
        return await self.group_users(request)

    async def remove_group_users(self, request: Request) -> object:
        group = self._group(request)
        for email in (await read(request, Emails)).user_emails:
            group.users.pop(email, None)
        return Response(status_code=204)

    # -- members ------------------------------------------------------------------------------------------------------

    async def members(self, request: Request) -> object:
        return whole(self._state.organisation.members.values())

    async def add_member(self, request: Request) -> object:
        wanted = await read(request, NewMember)
        organisation = self._state.organisation
        if wanted.email in organisation.members:
            raise ApiError(409, f"{wanted.email} is a member already.")
        organisation.join(wanted.email, wanted.role_mnemonic_name, wanted.member_type, self._state.clock.now())
        return Response(status_code=204)

    async def remove_member(self, request: Request) -> object:
        email, state = request.path_params["email"], self._state
        found(state.organisation.members, email, "user")
        del state.organisation.members[email]
        for group in state.organisation.groups.values():
            group.users.pop(email, None)
        for things in (state.projects, state.datasets):
            for thing in things.values():
                thing.access.remove_users([email])
        return Response(status_code=204)

    # -- tags ---------------------------------------------------------------------------------------------------------

    def _tags(self, keys: Any) -> dict[str, Any]:
        return whole({"uuid": key, "name": self._state.organisation.tags[key]} for key in keys)

    async def tags(self, request: Request) -> object:
        return self._tags(self._state.organisation.tags)

    async def create_tag(self, request: Request) -> object:
        name = (await read(request, Named)).name
        if name in self._state.organisation.tags.values():
            raise ApiError(409, f"There is a tag {name} already.")
        key = self._state.new_id()
        self._state.organisation.tags[key] = name
        return {"uuid": key, "name": name}

    async def delete_tag(self, request: Request) -> object:
        key = request.path_params["tag"]
        found(self._state.organisation.tags, key, "tag")
        del self._state.organisation.tags[key]
        for project in self._state.projects.values():
            project.tags.discard(key)
        return Response(status_code=204)

    async def project_tags(self, request: Request) -> object:
        return self._tags(sorted(self._state.project(request.path_params["project"]).tags))

    async def tag_project(self, request: Request) -> object:
        project = self._state.project(request.path_params["project"])
        found(self._state.organisation.tags, request.path_params["tag"], "tag")
        project.tags.add(request.path_params["tag"])
        return Response(status_code=204)

    async def untag_project(self, request: Request) -> object:
        project, tag = self._state.project(request.path_params["project"]), request.path_params["tag"]
        found(self._state.organisation.tags, tag, "tag")
        project.tags.discard(tag)
        return Response(status_code=204)
