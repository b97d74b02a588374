"""How much to send at once, and how soon: found out from the answers, within what the target allows."""

from __future__ import annotations

import threading

START = 500
"""Rows of the first batch, where the target allows as many."""
LONG_ANSWER = 10.0
"""Seconds that an answer may take; batches that take longer get smaller."""
LONGEST_PAUSE = 30.0


class Pace:
    """Batch size and pause between requests. Batches grow while answers are quick and shrink when they fail or last.

    Args:
        most: Most rows of one batch.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._mutex = threading.Lock()
        self.size = min(START, most)
        self.pause = 0.0

    def answered(self, rows: int, seconds: float) -> None:
        """Learn from an answer to that many rows."""
        with self._mutex:
            self.pause = self.pause / 2 if self.pause > 0.1 else 0.0
            if seconds > LONG_ANSWER:
                self.size = max(1, min(self.size, int(rows * LONG_ANSWER / seconds)))
            elif rows >= self.size and seconds < LONG_ANSWER / 4:
                self.size = min(self._most, self.size * 2)

    def failed(self) -> None:
        """Learn from a request that failed although it was repeated."""
        with self._mutex:
            self.pause = min(LONGEST_PAUSE, self.pause * 2 or 0.5)
            self.size = max(1, self.size // 2)
