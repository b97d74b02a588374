"""The starts of workers that gave no sign of life yet: counted, so that one that cannot begin is not started for ever.

A worker gives its sign when it has taken a job, or found none to take. Until then its start counts, and after
`MOST_STARTS` in a row there is one start in `PAUSE_SECONDS` and no more. So nobody needs to be told when the cause is
mended: whoever looks at the queue then sets it going.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from dragoman.errors import PlatformError
from dragoman_local.errors import without_secrets
from dragoman_local.locks import is_held

MOST_STARTS = 3
PAUSE_SECONDS = 10.0
LINES = 5
"""How much of a log an error quotes."""
BEGUN = "A worker is started."
"""The line of a worker's log that divides what it says from what those before it said."""


class Starts:
    """Counts the starts of workers, for all processes that use a folder.

    Args:
        folder: Where the workers' locks and logs are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = folder / "starts"

    def add(self) -> None:
        """Count a start."""
        # A byte for each: to append one needs no lock between callers that start workers at the same time.
        with self._count.open("ab") as count:
            count.write(b".")

    def heard(self) -> None:
        """Note that a worker lives: no start was in vain."""
        self._count.unlink(missing_ok=True)

    def allowed(self) -> bool:
        """Return whether a worker may be started now."""
        count, latest = self._found()
        # The clock may have been set back since.
        return count < MOST_STARTS or not 0 <= time.time() - latest < PAUSE_SECONDS

    def trouble(self) -> PlatformError | None:
        """Return what keeps the jobs waiting, with the end of the latest worker's log; None if nothing does."""
        count, _ = self._found()
        if count < MOST_STARTS or any(map(is_held, self._folder.glob("*.lock"))):
            return None
        log = max(self._folder.glob("*.log"), key=lambda path: path.stat().st_mtime)
        said = log.read_text(encoding="utf-8", errors="replace").rpartition(BEGUN)[2].strip().splitlines()
        return PlatformError(
            f"No worker takes the waiting jobs: {count} in a row ended before they took one. The last one said:\n"
            + without_secrets("\n".join(said[-LINES:]) or "nothing"),
            hint=f"Mend that, and look at the job again: a worker is started every {PAUSE_SECONDS:.0f} seconds then. "
            f"The jobs wait, and can be cancelled. All that was said is in {log}.",
        )

    def _found(self) -> tuple[int, float]:
        """Return how many starts count, and when the latest was (in seconds since 1970)."""
        try:
            found = os.stat(self._count)
        except FileNotFoundError:
            return 0, 0.0
        return found.st_size, found.st_mtime
