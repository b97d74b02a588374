"""What a decoder found wrong, in our words."""

from __future__ import annotations

from dragoman.errors import InvalidData


def reason_of(error: Exception) -> InvalidData:
    """Return what msgspec found wrong with a value: the schema's own error if it was the schema that refused.

    Args:
        error: msgspec's, whose text names the field as in "Expected `str`, got `int` - at `$.item`".
    """
    cause = error.__cause__
    if isinstance(cause, InvalidData):
        return cause
    reason, _, path = str(error).partition(" - at `$")
    return InvalidData(f"{reason}.", field=path.strip(".`") or None)
