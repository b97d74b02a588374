"""What all models of the control plane share."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Control(BaseModel):
    """Base of the control plane: frozen, and unknown fields are an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


Name = Annotated[str, Field(min_length=1)]
