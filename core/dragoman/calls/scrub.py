"""Takes secrets out of texts and out of the exceptions of vendors, which are kept as causes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator

MASK = "***"
_NAME = re.compile("key|token|secret|password|credential", re.IGNORECASE)
"""Names of environment variables that hold what nobody shall read."""
_SHORTEST = 6
"""A value of fewer characters is a switch rather than a secret; to mask it would spoil the text."""


class Scrubber:
    """Replaces known secrets by `***`."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first, so that a secret that contains another leaves no rest. What is blank is none.
        self._secrets = sorted((secret for secret in secrets if secret.strip()), key=len, reverse=True)

    def text(self, text: str) -> str:
        """Return `text` without the secrets."""
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    def exception(self, error: BaseException) -> None:
        """Clean an exception in place, with all its causes and contexts."""
        seen: set[int] = set()
        pending: list[BaseException | None] = [error]
        while pending:
            current = pending.pop()
            if current is None or id(current) in seen:
                continue
            seen.add(id(current))
            current.args = tuple(self.text(value) if isinstance(value, str) else value for value in current.args)
            for name, value in list(vars(current).items()):
                if isinstance(value, str):
                    vars(current)[name] = self.text(value)
            pending += [current.__cause__, current.__context__]


def inherited_secrets() -> Iterator[str]:
    """Yield the secrets of the environment, told by their names: a child process inherits them and may print them."""
    return (value for name, value in os.environ.items() if _NAME.search(name) and len(value) >= _SHORTEST)
