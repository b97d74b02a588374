"""Who asks: HTTP message signatures of the v2 protocol, body signatures of the older one, and bearer tokens.

Signatures are verified over exactly what arrived. A signature has no nonce and is not refused when it comes again:
clients repeat a request with the very same bytes.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from starlette.datastructures import Headers

if TYPE_CHECKING:
    from starlette.types import Scope

    from dragoman_encord.emulator.state import State

UNKNOWN_KEY = "SSH_KEY_NOT_FOUND_ERROR"
NOT_AUTHENTICATED = "AUTHENTICATION_ERROR"
_LABEL = "encord-sig="
_PARAMETERS = re.compile(
    r'^\("@method" "@request-target" "content-digest"\);created=\d+;keyid="([0-9a-f]{64})";alg="ed25519"$'
)


def refusal_v2(scope: Scope, body: bytes, state: State) -> str | None:
    """Return why a request of the v2 protocol is refused, or None if it is signed by an accepted key."""
    headers = Headers(scope=scope)
    if authorization := headers.get("authorization"):
        return None if authorization.removeprefix("Bearer ") in state.tokens else "The bearer token is not valid."
    given = headers.get("signature-input", "")
    match = _PARAMETERS.match(given.removeprefix(_LABEL)) if given.startswith(_LABEL) else None
    if match is None:
        return "The request is not signed."
    digest = f"sha-256=:{base64.b64encode(hashlib.sha256(body).digest()).decode()}:"
    if headers.get("content-digest") != digest:
        return "The digest does not fit the body."
    base = "\n".join(
        f'"{name}": {value}'
        for name, value in (
            ("@method", scope["method"]),
            ("@request-target", _target(scope)),
            ("content-digest", digest),
            ("@signature-params", given.removeprefix(_LABEL)),
        )
    )
    try:
        signature = base64.b64decode(headers.get("signature", "").removeprefix(f"{_LABEL}:").removesuffix(":"))
    except binascii.Error:
        return "The signature is not valid."
    return _refusal(match[1], signature, base.encode(), state)


def refusal_legacy(headers: Headers, body: bytes, state: State) -> str | None:
    """Return the error code with which a request of the older protocol is refused, or None."""
    authorization = headers.get("authorization", "")
    if authorization.startswith("Bearer "):
        return None if authorization.removeprefix("Bearer ") in state.tokens else NOT_AUTHENTICATED
    key, _, signature = authorization.partition(":")
    if key not in state.keys:
        return UNKNOWN_KEY
    try:
        reason = _refusal(key, bytes.fromhex(signature), hashlib.sha256(body).digest(), state)
    except ValueError:
        reason = NOT_AUTHENTICATED
    return NOT_AUTHENTICATED if reason else None


def _target(scope: Scope) -> str:
    path: str = scope["raw_path"].decode("latin-1")
    query: str = scope["query_string"].decode("latin-1")
    return f"{path}?{query}" if query else path


def _refusal(key: str, signature: bytes, signed: bytes, state: State) -> str | None:
    if key not in state.keys:
        return "The key is not known to this account."
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(signature, signed)
    except InvalidSignature:
        return "The signature is not valid."
    return None
