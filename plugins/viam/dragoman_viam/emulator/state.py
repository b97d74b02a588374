"""What the emulated organisations hold. State is in memory; large contents are in temporary files (`blobs`).

Things are kept as the protobuf messages in which they are answered. Whoever changes anything holds `lock`.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from dragoman.emulate import Clock, Settings
from dragoman_viam.emulator.blobs import Blob
from dragoman_viam.emulator.records import Export, Image, Invoice, Job, Key, Package, Row, User
from dragoman_viam.emulator.refusals import denied, missing, unauthenticated
from dragoman_viam.messages import modules


class State:
    """Organisations: to begin with one, `organization`, with one location, one machine and its main part.

    Args:
        settings: Switches of all emulators.
        clock: Where time stamps come from.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.lock = threading.RLock()
        self.organizations: dict[str, Any] = {}
        self.organization = self.add_organization("Emulated")
        self.locations: dict[str, Any] = {}
        self.robots: dict[str, Any] = {}
        self.parts: dict[str, Any] = {}
        self.fragments: dict[str, Any] = {}
        self.histories: defaultdict[str, list[Any]] = defaultdict(list)
        """What was changed of parts and fragments, by their ids, the oldest change first."""
        self.users: dict[str, User] = {}
        self.invites: dict[tuple[str, str], Any] = {}
        """Who is invited, by the organisation and the address."""
        self.roles: list[Any] = []
        self.favorites: dict[str, datetime] = {}
        self.user_data: dict[str, Any] = {}
        """What users attached to the organisation, and to locations, machines and parts, by the id of those."""
        self.location = self.add_location("Workshop")
        self.robot = self.add_robot("bench", self.location.id)
        (self.part,) = self.parts_of(self.robot.id)
        self.keys: dict[str, Key] = {}
        self.rows: list[Row] = []
        self.sequences: dict[str, Any] = {}
        self.sequence_owners: dict[str, str] = {}
        """The organisations of sequences, which do not say it themselves."""
        self.exports: dict[str, Export] = {}
        self.pipelines: dict[str, Any] = {}
        self.pipeline_runs: dict[str, list[Any]] = {}
        self.indexes: defaultdict[str, list[Any]] = defaultdict(list)
        """Indexes of the databases, by the organisation."""
        self.database_users: set[str] = set()
        """Organisations whose database has a user."""
        self.firebase: dict[str, tuple[str, str]] = {}
        """Id and configuration of each organisation's Firebase app."""
        self.push_tokens: defaultdict[str, dict[str, str]] = defaultdict(dict)
        """Tokens of devices by the app, then by the device."""
        self.invoices: dict[str, Invoice] = {}
        self.datasets: dict[str, Any] = {}
        self.images: dict[str, Image] = {}
        self.items: dict[str, Any] = {}
        self.packages: dict[tuple[str, str], Package] = {}
        self.jobs: dict[str, Job] = {}
        self.containers: dict[str, Any] = {}
        self.token_seconds = 3600.0
        """How long an access token holds."""
        self.training_seconds = 0.0
        """How long a training runs at least, on the emulation's clock."""
        self.files_url = ""
        """Root of the HTTP server for downloads, while the emulator is served."""
        self._next_failure: str | None = None
        self._next_payment_failure: str | None = None
        self._tokens: dict[str, datetime] = {}
        self._count = 0

    # -- ids and credentials -------------------------------------------------------------------------------------------

    def new_id(self) -> str:
        """Return a fresh id of 24 hexadecimal digits, like those of the platform."""
        return secrets.token_hex(12)

    def add_key(
        self, name: str, authorizations: Iterable[Any], *, key_id: str | None = None, payload: str | None = None
    ) -> Key:
        """Keep a key that is accepted from now on; by default a random one."""
        message = modules()["app"].APIKeyWithAuthorizations(
            api_key={"id": key_id or str(uuid4()), "name": name, "created_on": self.clock.now()},
            authorizations=authorizations,
        )
        key = Key(payload or secrets.token_hex(16), message)
        self.keys[message.api_key.id] = key
        return key

    def key(self, key_id: str) -> Key:
        """Return a key, or refuse an unknown id."""
        if key_id not in self.keys:
            raise missing("key", key_id)
        return self.keys[key_id]

    def knows(self, key_id: str, payload: str) -> bool:
        """Return whether a key is accepted."""
        held = self.keys.get(key_id)
        return held is not None and hmac.compare_digest(held.payload.encode(), payload.encode())

    def add_secret(self, held: Any) -> None:
        """Add a random secret to those of a location or of a part."""
        enabled = "STATE_ENABLED"
        held.add(id=str(uuid4()), secret=secrets.token_hex(16), created_on=self.clock.now(), state=enabled)

    def new_token(self) -> str:
        """Return an access token that holds for `token_seconds`."""
        token = secrets.token_hex(32)
        self._tokens[token] = self.clock.now() + timedelta(seconds=self.token_seconds)
        return token

    def revoke_tokens(self) -> None:
        """Let all access tokens expire now."""
        self._tokens.clear()

    def check_token(self, header: str) -> None:
        """Refuse a call without a valid token in its `authorization`."""
        expires = self._tokens.get(header.removeprefix("Bearer "))
        if expires is None or expires <= self.clock.now():
            raise unauthenticated("the access token is missing or expired")

    def add_organization(self, name: str) -> Any:
        """Make an organisation."""
        made = modules()["app"].Organization(id=self.new_id(), name=name, created_on=self.clock.now())
        self.organizations[made.id] = made
        return made

    def check_organization(self, organization: str) -> str:
        """Return the id of an organisation, or refuse one that is none of ours."""
        if organization not in self.organizations:
            raise denied(f"the key has no access to the organization {organization!r}")
        return organization

    def add_member(self, email: str, organization: str) -> User:
        """Let a person be a member of an organisation; an invite of theirs to it is no more."""
        held = next((one for one in self.users.values() if one.email == email), None) or User(str(uuid4()), email)
        self.users[held.id] = held
        held.joined.setdefault(self.check_organization(organization), self.clock.now())
        self.invites.pop((organization, email), None)
        return held

    # -- machines ------------------------------------------------------------------------------------------------------

    def place(self, location: str) -> Any:
        """Return a location, or refuse an unknown id."""
        if location not in self.locations:
            raise missing("location", location)
        return self.locations[location]

    def owner(self, location: str) -> str:
        """Return the id of the organisation that a location belongs to."""
        return next(one.organization_id for one in self.place(location).organizations if one.primary)

    def add_location(self, name: str, organization: str | None = None) -> Any:
        """Make a location, by default of the first organisation."""
        made = modules()["app"].Location(
            id=secrets.token_hex(5),
            name=name,
            created_on=self.clock.now(),
            organizations=[{"organization_id": organization or self.organization.id, "primary": True}],
        )
        self.locations[made.id] = made
        return made

    def locations_of(self, organization: str) -> dict[str, Any]:
        """Return the locations that belong to an organisation or are shared with it."""
        return {
            key: one
            for key, one in self.locations.items()
            if any(held.organization_id == organization for held in one.organizations)
        }

    def machine(self, robot: str) -> Any:
        """Return a machine, or refuse an unknown id."""
        if robot not in self.robots:
            raise missing("robot", robot)
        return self.robots[robot]

    def add_robot(self, name: str, location: str) -> Any:
        """Make a machine with its main part."""
        made = modules()["app"].Robot(id=self.new_id(), name=name, location=location, created_on=self.clock.now())
        self.robots[made.id] = made
        self.add_part(f"{name}-main", made, main=True)
        return made

    def one_part(self, part: str) -> Any:
        """Return a part, or refuse an unknown id."""
        if part not in self.parts:
            raise missing("part", part)
        return self.parts[part]

    def parts_of(self, robot: str) -> list[Any]:
        """Return the parts of a machine."""
        return [part for part in self.parts.values() if part.robot == robot]

    def add_part(self, name: str, robot: Any, *, main: bool = False) -> Any:
        """Make a part of a machine."""
        now = self.clock.now()
        facts = {"robot": robot.id, "location_id": robot.location, "main_part": main}
        made = modules()["app"].RobotPart(id=self.new_id(), name=name, created_on=now, last_updated=now, **facts)
        self.parts[made.id] = made
        return made

    def check_resource(self, kind: str, key: str) -> None:
        """Refuse what is no organisation, location or machine of ours."""
        if key not in self._resources().get(kind, ()):
            raise missing(kind or "resource", key)

    def check_any(self, key: str) -> None:
        """Refuse what is nothing of ours, of whichever kind."""
        if not any(key in held for held in self._resources().values()):
            raise missing("resource", key)

    def _resources(self) -> dict[str, Collection[str]]:
        return {"organization": self.organizations, "location": self.locations, "robot": self.robots}

    # -- data ----------------------------------------------------------------------------------------------------------

    def dataset(self, dataset_id: str) -> Any:
        """Return a dataset, or refuse an unknown id."""
        if dataset_id not in self.datasets:
            raise missing("dataset", dataset_id)
        return self.datasets[dataset_id]

    def image(self, binary_data_id: str) -> Image:
        """Return an image, or refuse an unknown id."""
        if binary_data_id not in self.images:
            raise missing("binary data", binary_data_id)
        return self.images[binary_data_id]

    def new_image(self, metadata: Any, content: Blob) -> Image:
        """Return an uploaded file, which is not kept yet, with its id filled in."""
        file_id = self.new_id()
        captured = metadata.capture_metadata
        metadata.binary_data_id = f"{captured.organization_id}/{captured.location_id}/{file_id}"
        metadata.id = file_id
        metadata.file_size_bytes = content.size
        return Image(self.next_number(), metadata, content)

    def keep(self, image: Image) -> None:
        """Keep an uploaded file."""
        self.images[image.metadata.binary_data_id] = image

    def next_number(self) -> int:
        """Return the number of what arrives now."""
        self._count += 1
        return self._count

    def images_of(self, dataset_id: str) -> list[Image]:
        """Return the images of a dataset in the order of arrival."""
        return [image for image in self.images.values() if dataset_id in image.metadata.dataset_ids]

    # -- trainings -----------------------------------------------------------------------------------------------------

    def fail_next_training(self, reason: str) -> None:
        """Let the next submitted training end as failed, for this reason."""
        self._next_failure = reason

    def take_failure(self) -> str | None:
        """Return why the training that is submitted now is to fail, once."""
        reason, self._next_failure = self._next_failure, None
        return reason

    # -- payments ------------------------------------------------------------------------------------------------------

    def fail_next_payment(self, reason: str) -> None:
        """Let the next charge stay unpaid, for this reason, such as `card_declined`."""
        self._next_payment_failure = reason

    def take_payment_failure(self) -> str | None:
        """Return why the charge that is made now is not to be paid, once."""
        reason, self._next_payment_failure = self._next_payment_failure, None
        return reason
