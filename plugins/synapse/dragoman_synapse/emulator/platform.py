"""What an emulated Synapse holds: tenants, each with everything of its own, and the tokens that open them."""

from __future__ import annotations

import tempfile
import uuid
import weakref
from pathlib import Path

from dragoman.emulate.clock import Clock
from dragoman.emulate.emulation import Settings
from dragoman_synapse.emulator.media import Media
from dragoman_synapse.emulator.tenant import Tenant
from dragoman_synapse.emulator.uploads import Uploads


class Platform:
    """All tenants of one emulation.

    `tokens` and `user_tokens` map a token to its tenant's code; tests add to them. An agent's token is not looked at.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.tokens: dict[str, str] = {}
        self.user_tokens: dict[str, str] = {}
        self.tenants: dict[str, Tenant] = {}
        folder = tempfile.TemporaryDirectory(prefix="dragoman-synapse-")
        weakref.finalize(self, folder.cleanup)
        # The SDK keeps files by their address, across processes: addresses must not come again.
        self.media = Media(Path(folder.name), uuid.uuid4().hex[:12])
        self.uploads = Uploads(self.media)

    @property
    def home(self) -> Tenant:
        """The tenant that is there from the beginning."""
        return self.tenants["home"]

    def add_tenant(self, code: str) -> Tenant:
        """Add an empty tenant and return it."""
        self.tenants[code] = Tenant(code, self.settings, self.clock, self.media)
        return self.tenants[code]
