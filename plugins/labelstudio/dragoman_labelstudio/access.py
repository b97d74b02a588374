"""Who asks: a legacy token as it is, or a personal access token, exchanged for access tokens that last 300 seconds.

A personal access token is a JSON Web Token (RFC 7519); sent itself as the bearer it is refused. How long an access
token lasts is read from its own claims and counted on a monotonic clock, so that clocks need not agree.
"""

from __future__ import annotations

import threading
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable

import msgspec

MARGIN = 30.0
"""Seconds before its end at which an access token is exchanged: a request that waits must still arrive in time."""
LIFETIME = 300.0
"""Seconds that an access token lasts where it does not say."""


class _Claims(msgspec.Struct):
    exp: float | None = None
    iat: float | None = None


class Access:
    """Gives the header that says who asks.

    Args:
        token: The user's token.
        exchange: Returns an access token for a personal access token.
        clock: Seconds that never run backwards.
    """

    def __init__(self, token: str, exchange: Callable[[str], str], clock: Callable[[], float] = time.monotonic) -> None:
        self._token = token
        self._exchange = exchange
        self._clock = clock
        self._lock = threading.Lock()
        self._held = ""
        self._ends = 0.0

    @property
    def personal(self) -> bool:
        """Whether the token is a personal access token: three parts with dots between them."""
        return self._token.count(".") == 2

    def header(self) -> dict[str, str]:
        """Return the header of a request, with a fresh access token if the one at hand is about to end."""
        if not self.personal:
            return {"Authorization": f"Token {self._token}"}
        with self._lock:
            if not self._held or self._clock() >= self._ends:
                self._renew()
            return {"Authorization": f"Bearer {self._held}"}

    def forget(self, header: dict[str, str]) -> None:
        """Exchange anew before the next request, if the header that was refused is still the one at hand."""
        with self._lock:
            if header == {"Authorization": f"Bearer {self._held}"}:
                self._held = ""

    def _renew(self) -> None:
        asked = self._clock()
        self._held = self._exchange(self._token)
        self._ends = asked + max(lifetime(self._held) - MARGIN, 0.0)


def lifetime(token: str) -> float:
    """Return how many seconds a token lasts by its own claims."""
    try:
        body = token.split(".")[1]
        claims = msgspec.json.decode(urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=_Claims)
    except (IndexError, ValueError):
        return LIFETIME
    return claims.exp - claims.iat if claims.exp is not None and claims.iat is not None else LIFETIME
