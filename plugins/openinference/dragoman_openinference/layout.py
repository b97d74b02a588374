"""What a model's tensors mean, which the protocol does not say: the user chooses, and the defaults are stated here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from dragoman.schema import Task

Triple = tuple[float, float, float]


class Layout(BaseModel):
    """How a picture becomes a model's input tensor, and its output tensors become predictions.

    Args:
        task: `object_detection` or `classification`; if not given, a model with an output named as `boxes` detects.
        features: Names of the classes that the model numbers, from 0; a number without a name is its own name.
        image: Name of the input that takes the picture; the model's only one if not given.
        order: `rows` for height x width x 3, `planes` for 3 x height x width; if not given, told by where the input's
            shape has its 3. An input of type BYTES takes the image file as it is.
        colours: Order of the three channels.
        size: Width and height in pixels that pictures are scaled to; those of the input's shape if it has them, else
            the picture's own.
        scale: What pixel values, 0 to 255, are multiplied with; 1 for inputs of integers, 1/255 for others.
        mean: Subtracted from each channel after scaling.
        deviation: What each channel is divided by after that.
        boxes: Name of the output with boxes: n x 4 numbers.
        corners: What the four are: `xyxy` (left, top, right, bottom), `yxyx`, `xywh` (left, top, width, height) or
            `cxcywh` (centre and size).
        unit: `pixels` of the picture that the model was given, or `fraction` of it.
        scores: Name of the output with scores: n numbers, or n x classes; for classification one per class.
        labels: Name of the output with the class of each box, numbers or names; may be absent where scores tell it.
            For classification, names of the scores.
        activation: What turns scores into probabilities, where the model leaves that out.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: Literal[Task.OBJECT_DETECTION, Task.CLASSIFICATION] | None = None
    features: tuple[str, ...] = ()
    image: str | None = None
    order: Literal["rows", "planes"] | None = None
    colours: Literal["rgb", "bgr"] = "rgb"
    size: tuple[Annotated[int, Field(gt=0)], Annotated[int, Field(gt=0)]] | None = None
    scale: float | None = None
    mean: Triple = (0.0, 0.0, 0.0)
    deviation: Triple = (1.0, 1.0, 1.0)
    boxes: str = "boxes"
    corners: Literal["xyxy", "yxyx", "xywh", "cxcywh"] = "xyxy"
    unit: Literal["pixels", "fraction"] = "pixels"
    scores: str = "scores"
    labels: str = "labels"
    activation: Literal["sigmoid", "softmax"] | None = None
