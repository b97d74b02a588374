"""Hooks: what a caller may do to rows on their way."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dragoman.migrate.conditions import RowKind
from dragoman.schema import Outcome


class Hooks:
    """Called while rows move; override what you need. `apply` calls them from several threads.

    The same hooks are needed to verify, so that what is expected on the target is what was sent.
    """

    def transform_row(self, kind: RowKind, row: msgspec.Struct) -> msgspec.Struct | None:
        """Return the row that moves in place of this one; None leaves it behind. The id or key must stay."""
        return row

    def before_batch(self, kind: RowKind, rows: Sequence[msgspec.Struct]) -> None:
        """Look at a batch before it is sent; an exception stops the migration, which can be continued."""

    def after_row(self, kind: RowKind, row: msgspec.Struct, outcome: Outcome) -> None:
        """Look at a row after the target has answered."""


NO_HOOKS = Hooks()
