"""The part of `viam.app.v1.AppService` about locations, the machines there, and the parts of machines."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dragoman_viam.emulator.refusals import exists, invalid, missing, too_early
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.emulator.state import State


class Locations(Routes):
    """The methods about locations."""

    service = "app"

    def ListLocations(self, request: Any) -> Answer:
        """List the locations that belong to an organisation or are shared with it."""
        wanted = self.state.check_organization(request.organization_id)
        return {"locations": [self._shown(one) for one in self.state.locations_of(wanted).values()]}

    def CreateLocation(self, request: Any) -> Answer:
        """Make a location, in another one if that is named."""
        self.state.check_organization(request.organization_id)
        if not request.name:
            raise invalid("a location needs a name", "name")
        above = self.state.place(request.parent_location_id).id if request.parent_location_id else ""
        made = self.state.add_location(request.name, request.organization_id)
        made.parent_location_id = above
        return {"location": self._shown(made)}

    def GetLocation(self, request: Any) -> Answer:
        """Return a location."""
        return {"location": self._shown(self.state.place(request.location_id))}

    def UpdateLocation(self, request: Any) -> Answer:
        """Change what is given of a location: an empty name is none, and an empty parent takes it out of any."""
        location = self.state.place(request.location_id)
        if request.HasField("parent_location_id"):
            above = request.parent_location_id
            if location.id in self._above(above):
                raise invalid("a location does not lie in itself", "parent_location_id")
            location.parent_location_id = above
        location.name = request.name or location.name
        return {"location": self._shown(location)}

    def DeleteLocation(self, request: Any) -> Answer:
        """Delete a location without machines; what lies in it lies where it lay."""
        location = self.state.place(request.location_id)
        if any(robot.location == location.id for robot in self.state.robots.values()):
            raise too_early("a location with machines is not deleted")
        del self.state.locations[location.id]
        for inner in self.state.locations.values():
            if inner.parent_location_id == location.id:
                inner.parent_location_id = location.parent_location_id
        return {}

    def LocationAuth(self, request: Any) -> Answer:
        """Return the secrets of a location."""
        return {"auth": self.state.place(request.location_id).auth}

    def CreateLocationSecret(self, request: Any) -> Answer:
        """Give a location one secret more."""
        location = self.state.place(request.location_id)
        location.auth.location_id = location.id
        self.state.add_secret(location.auth.secrets)
        return {"auth": location.auth}

    def DeleteLocationSecret(self, request: Any) -> Answer:
        """Take a secret from a location."""
        _take(self.state.place(request.location_id).auth.secrets, request.secret_id)
        return {}

    def _above(self, location: str) -> list[str]:
        """Return a location and all that it lies in, or refuse an unknown one."""
        found = []
        while location:
            found.append(self.state.place(location).id)
            location = self.state.locations[location].parent_location_id
        return found

    def _shown(self, location: Any) -> Any:
        organization = self.state.organizations[self.state.owner(location.id)]
        location.primary_org_identity.id, location.primary_org_identity.name = organization.id, organization.name
        location.robot_count = sum(robot.location == location.id for robot in self.state.robots.values())
        return location


class Robots(Routes):
    """The methods about machines."""

    service = "app"

    def ListRobots(self, request: Any) -> Answer:
        """List the machines of a location."""
        return {"robots": self._at([self.state.place(request.location_id).id])}

    def ListRobotsForLocations(self, request: Any) -> Answer:
        """List the machines of several locations."""
        return {"robots": self._at([self.state.place(one).id for one in request.location_ids])}

    def ListRobotsForOrg(self, request: Any) -> Answer:
        """List the machines of all locations of an organisation, of shared ones, too."""
        return {"robots": self._at(self.state.locations_of(self.state.check_organization(request.org_id)))}

    def GetRoverRentalRobots(self, request: Any) -> Answer:
        """List the rovers that the organisation has rented, of which there are none."""
        self.state.check_organization(request.org_id)
        return {}

    def _at(self, locations: Iterable[str]) -> list[Any]:
        return [robot for robot in self.state.robots.values() if robot.location in locations]

    def GetRobot(self, request: Any) -> Answer:
        """Return a machine."""
        return {"robot": self.state.machine(request.id)}

    def NewRobot(self, request: Any) -> Answer:
        """Make a machine with its main part; names are unique in a location."""
        location = self.state.place(request.location).id
        self._free(request.name, location)
        return {"id": self.state.add_robot(request.name, location).id}

    def UpdateRobot(self, request: Any) -> Answer:
        """Rename a machine or move it to another location, with its parts."""
        robot, location = self.state.machine(request.id), self.state.place(request.location).id
        if (request.name, location) != (robot.name, robot.location):
            self._free(request.name, location)
        robot.name, robot.location = request.name, location
        for part in self.state.parts_of(robot.id):
            part.location_id = location
        return {"robot": robot}

    def DeleteRobot(self, request: Any) -> Answer:
        """Delete a machine and its parts; their data stay."""
        robot = self.state.machine(request.id)
        for part in self.state.parts_of(robot.id):
            del self.state.parts[part.id]
        del self.state.robots[robot.id]
        return {}

    def _free(self, name: str, location: str) -> None:
        if not name:
            raise invalid("a machine needs a name", "name")
        if any(robot.name == name for robot in self._at([location])):
            raise exists("machine", name)


class Parts(Routes):
    """The methods about parts of machines."""

    service = "app"

    def GetRobotParts(self, request: Any) -> Answer:
        """List the parts of a machine."""
        return {"parts": self.state.parts_of(self.state.machine(request.robot_id).id)}

    def GetRobotPart(self, request: Any) -> Answer:
        """Return a part with its configuration as JSON."""
        from google.protobuf.json_format import MessageToJson

        part = self.state.one_part(request.id)
        return {"part": part, "config_json": part.robot_config_json or MessageToJson(part.robot_config)}

    def GetRobotPartByNameAndLocation(self, request: Any) -> Answer:
        """Return the part of that name."""
        for part in self.state.parts.values():
            if (part.name, part.location_id) == (request.name, request.location_id):
                return {"part": part}
        raise missing("part", request.name)

    def NewRobotPart(self, request: Any) -> Answer:
        """Add a part to a machine."""
        robot = self.state.machine(request.robot_id)
        self._free(request.part_name, robot.id)
        return {"part_id": self.state.add_part(request.part_name, robot).id}

    def UpdateRobotPart(self, request: Any) -> Answer:
        """Change a part's name, and its configuration if one is given, unless somebody was faster than the caller."""
        part = self.state.one_part(request.id)
        since = request.last_known_update
        if request.HasField("last_known_update") and since.ToNanoseconds() < part.last_updated.ToNanoseconds():
            raise too_early("the part has been changed since")
        if request.name != part.name:
            self._free(request.name, part.robot)
        old = type(part)()
        old.CopyFrom(part)
        self._configure(part, request)
        part.name = request.name
        note_change(self.state, part, old)
        return {"part": part}

    def _free(self, name: str, robot: str) -> None:
        if not name:
            raise invalid("a part needs a name", "name")
        if any(part.name == name for part in self.state.parts_of(robot)):
            raise exists("part", name)

    def _configure(self, part: Any, request: Any) -> None:
        """Configure a part as a request says, whose text goes before its message; the text keeps the order of keys."""
        from google.protobuf.json_format import Parse, ParseError

        if request.robot_config_json:
            try:
                part.robot_config.CopyFrom(Parse(request.robot_config_json, type(part.robot_config)()))
            except ParseError as error:
                raise invalid(f"the configuration is no JSON object: {error}", "robot_config_json") from None
            part.robot_config_json = request.robot_config_json
        elif request.HasField("robot_config"):
            part.robot_config.CopyFrom(request.robot_config)
            part.ClearField("robot_config_json")

    def DeleteRobotPart(self, request: Any) -> Answer:
        """Delete a part that is not the main one; its data stay."""
        part = self.state.one_part(request.part_id)
        if part.main_part:
            raise too_early("the main part of a machine is not deleted")
        del self.state.parts[part.id]
        return {}

    def MarkPartAsMain(self, request: Any) -> Answer:
        """Let a part be the main one of its machine."""
        chosen = self.state.one_part(request.part_id)
        for part in self.state.parts_of(chosen.robot):
            part.main_part = part.id == chosen.id
        return {}

    def CreateRobotPartSecret(self, request: Any) -> Answer:
        """Give a part one secret more."""
        part = self.state.one_part(request.part_id)
        self.state.add_secret(part.secrets)
        return {"part": part}

    def DeleteRobotPartSecret(self, request: Any) -> Answer:
        """Take a secret from a part."""
        _take(self.state.one_part(request.part_id).secrets, request.secret_id)
        return {}


class UserData(Routes):
    """The methods about what users attach to organisations, locations, machines and parts."""

    service = "app"

    def GetOrganizationMetadata(self, request: Any) -> Answer:
        """Return what is attached to the organisation."""
        return self._get(self.state.check_organization(request.organization_id))

    def UpdateOrganizationMetadata(self, request: Any) -> Answer:
        """Replace what is attached to the organisation."""
        return self._set(self.state.check_organization(request.organization_id), request.data)

    def GetLocationMetadata(self, request: Any) -> Answer:
        """Return what is attached to a location."""
        return self._get(self.state.place(request.location_id).id)

    def UpdateLocationMetadata(self, request: Any) -> Answer:
        """Replace what is attached to a location."""
        return self._set(self.state.place(request.location_id).id, request.data)

    def GetRobotMetadata(self, request: Any) -> Answer:
        """Return what is attached to a machine."""
        return self._get(self.state.machine(request.id).id)

    def UpdateRobotMetadata(self, request: Any) -> Answer:
        """Replace what is attached to a machine."""
        return self._set(self.state.machine(request.id).id, request.data)

    def GetRobotPartMetadata(self, request: Any) -> Answer:
        """Return what is attached to a part."""
        return self._get(self.state.one_part(request.id).id)

    def UpdateRobotPartMetadata(self, request: Any) -> Answer:
        """Replace what is attached to a part."""
        return self._set(self.state.one_part(request.id).id, request.data)

    def _get(self, key: str) -> Answer:
        return {"data": self.state.user_data.get(key)}

    def _set(self, key: str, data: Any) -> Answer:
        self.state.user_data[key] = data
        return {}


def note_change(state: State, part: Any, old: Any) -> None:
    """Note when a part was changed, and what it was before."""
    now = state.clock.now()
    part.last_updated.FromDatetime(now)
    state.histories[part.id].append({"part": part.id, "robot": part.robot, "when": now, "old": old})


def _take(secrets: Any, key: str) -> None:
    held = next((one for one in secrets if one.id == key), None)
    if held is None:
        raise missing("secret", key)
    secrets.remove(held)
