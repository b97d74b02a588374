"""Who may ask: tokens and tenants, in the grammars of both interfaces.

The first interface writes `Token <value>` in every header; the second one the bare access token, and the tenant either
way. Each grammar is taken for either.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping

from starlette.datastructures import Headers, QueryParams
from starlette.types import Scope

from dragoman.emulate.app import ApiError
from dragoman_synapse.emulator.answers import truth
from dragoman_synapse.emulator.platform import Platform
from dragoman_synapse.emulator.tenant import Tenant


def admitted(scope: Scope, platform: Platform) -> Tenant:
    """Return the tenant that a request is about; a copy of it, where the request is only to be tried out.

    Raises:
        ApiError: 401 without or with a wrong token, 403 with the wrong tenant.
    """
    headers = Headers(scope=scope)
    access, user = headers.get("synapse-access-token"), headers.get("authorization")
    if access is None and user is None:
        raise ApiError(401, "Authentication credentials were not provided.")
    code = _known(platform.tokens, access) or _known(platform.user_tokens, user)
    if code is None:
        raise ApiError(401, "Invalid token.")
    asked = headers.get("synapse-tenant")
    if asked is not None and _bare(asked) != code:
        raise ApiError(403, "You do not have permission to perform this action.")
    tenant = platform.tenants[code]
    return tenant.copy() if _is_tried(scope) else tenant


def _is_tried(scope: Scope) -> bool:
    """Return whether a request of the second interface asks what it would do."""
    query = QueryParams(scope["query_string"])
    return scope["path"].startswith("/v2/") and truth(query.get("dry_run", "false"), "dry_run")


def _known(tokens: Mapping[str, str], given: str | None) -> str | None:
    if given is None:
        return None
    return next(
        (code for token, code in tokens.items() if secrets.compare_digest(token.encode(), _bare(given).encode())), None
    )


def _bare(given: str) -> str:
    return given.removeprefix("Token ")
