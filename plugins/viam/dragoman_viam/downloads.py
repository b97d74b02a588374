"""Files that Viam serves over HTTPS. The key goes to Viam only, never to the host that a URL or a redirect names."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlsplit

from dragoman.links import whole
from dragoman_viam.settings import ViamSettings, is_loopback

VIAM = "viam.com"
_SECRET = ("authorization", "key", "key_id")


def fetch(url: str, target: Path, settings: ViamSettings) -> None:
    """Write what is behind a URL to a file; a download that breaks off leaves none.

    Args:
        url: As a package names it.
        target: The file.
        settings: Whose credentials are sent, if the host is Viam's.

    Raises:
        HTTPError: The answer was a refusal.
        URLError: There was no answer.
        ConnectionError: The answer broke off.
    """
    headers = {}
    if is_ours(url, settings):
        headers = {"key_id": settings.api_key_id.get_secret_value(), "key": settings.api_key.get_secret_value()}
    request = urllib.request.Request(url, headers=headers)
    opener = urllib.request.build_opener(_Careful)
    partial = target.with_name(f"{target.name}.part")
    try:
        with opener.open(request, timeout=settings.timeout) as answer, partial.open("wb") as file:
            file.writelines(whole(answer))
        partial.replace(target)
    except HTTPError as refusal:
        # It is an open answer, too.
        refusal.close()
        raise
    finally:
        partial.unlink(missing_ok=True)


def is_ours(url: str, settings: ViamSettings) -> bool:
    """Return whether the key may be sent to a URL."""
    parts, endpoint = urlsplit(url), urlsplit(settings.endpoint)
    host = parts.hostname or ""
    if is_loopback(host):
        return is_loopback(endpoint.hostname or "")
    return parts.scheme == "https" and (host == endpoint.hostname or host == VIAM or host.endswith(f".{VIAM}"))


class _Careful(urllib.request.HTTPRedirectHandler):
    """Follows redirects without the credentials, which urllib would carry along."""

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        request = super().redirect_request(*arguments)
        if request is not None:
            request.headers = {name: value for name, value in request.headers.items() if name.lower() not in _SECRET}
        return request
