"""The part of `viam.app.v1.AppService` about fragments, which are configurations that machines share."""

from __future__ import annotations

from typing import Any

from dragoman_viam.emulator.refusals import invalid, missing, too_early
from dragoman_viam.emulator.routes import Answer, Routes
from dragoman_viam.messages import modules, number


class Fragments(Routes):
    """The methods about fragments."""

    service = "app"

    def ListFragments(self, request: Any) -> Answer:
        """List the fragments of the organisation; there are no others."""
        owner, wanted = self.state.check_organization(request.organization_id), request.fragment_visibility
        if not wanted and not request.show_public:
            wanted = [number("app", "FragmentVisibility", "FRAGMENT_VISIBILITY_PRIVATE")]
        held = [one for one in self.state.fragments.values() if one.organization_owner == owner]
        return {"fragments": [one for one in held if not wanted or one.visibility in wanted]}

    def CreateFragment(self, request: Any) -> Answer:
        """Make a fragment, private if nothing else is said."""
        self.state.check_organization(request.organization_id)
        if not request.name:
            raise invalid("a fragment needs a name", "name")
        now = self.state.clock.now()
        private = number("app", "FragmentVisibility", "FRAGMENT_VISIBILITY_PRIVATE")
        made = modules()["app"].Fragment(
            id=self.state.new_id(),
            name=request.name,
            fragment=request.config,
            organization_owner=request.organization_id,
            organization_name=self.state.organizations[request.organization_id].name,
            visibility=request.visibility or private,
            created_on=now,
            last_updated=now,
        )
        _publish(made)
        self.state.fragments[made.id] = made
        return {"fragment": made}

    def GetFragment(self, request: Any) -> Answer:
        """Return a fragment."""
        return {"fragment": self._found(request.id)}

    def UpdateFragment(self, request: Any) -> Answer:
        """Change a fragment, unless somebody has changed it since the caller looked."""
        held, since = self._found(request.id), request.last_known_update
        if request.HasField("last_known_update") and since.ToNanoseconds() < held.last_updated.ToNanoseconds():
            raise too_early("the fragment has been changed since")
        if not request.name:
            raise invalid("a fragment needs a name", "name")
        now, old = self.state.clock.now(), type(held)()
        old.CopyFrom(held)
        self.state.histories[held.id].append({"fragment": held.id, "edited_on": now, "old": old})
        held.name = request.name
        if request.HasField("config"):
            held.fragment.CopyFrom(request.config)
        if request.HasField("visibility"):
            held.visibility = request.visibility
        elif request.HasField("public"):
            kind = "PUBLIC" if request.public else "PRIVATE"
            held.visibility = number("app", "FragmentVisibility", f"FRAGMENT_VISIBILITY_{kind}")
        _publish(held)
        held.last_updated.FromDatetime(now)
        return {"fragment": held}

    def DeleteFragment(self, request: Any) -> Answer:
        """Delete a fragment."""
        del self.state.fragments[self._found(request.id).id]
        return {}

    def _found(self, key: str) -> Any:
        if key not in self.state.fragments:
            raise missing("fragment", key)
        return self.state.fragments[key]


def _publish(fragment: Any) -> None:
    """Let a fragment's older field say what its visibility says."""
    fragment.public = fragment.visibility == number("app", "FragmentVisibility", "FRAGMENT_VISIBILITY_PUBLIC")
