"""Files that Labelbox gives the address of: exports, statuses of imports, images. They need no key, and get none."""

from __future__ import annotations

import requests


class Files:
    """Fetches them, over connections that are kept.

    Args:
        timeout: Seconds that an answer may take.
    """

    def __init__(self, timeout: float) -> None:
        self._timeout = timeout
        self._session = requests.Session()

    def fetch(self, url: str | None) -> bytes:
        """Return the content of a file; nothing if there is no address of it.

        Raises:
            requests.RequestException: It cannot be had.
        """
        if url is None:
            return b""
        # Read at once: requests itself goes through a file in steps of 10 KiB.
        with self._session.get(url, timeout=self._timeout, stream=True) as answer:
            answer.raise_for_status()
            content: bytes = answer.raw.read(decode_content=True)
            return content

    def close(self) -> None:
        """Close the pooled connections."""
        self._session.close()
