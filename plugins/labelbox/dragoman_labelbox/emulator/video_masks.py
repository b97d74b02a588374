"""Masks of videos: one import row with an image for each frame and a colour for each object; exports show it back."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
from PIL import Image, UnidentifiedImageError

from dragoman_labelbox.emulator.answers import RowError
from dragoman_labelbox.emulator.files import Files

Json = dict[str, Any]
Url = Callable[[str, int], str]
"""Makes the address of a frame's image from the token of its masks and the frame."""


class Frame(msgspec.Struct):
    index: int
    instanceURI: str | None = None
    imBytes: str | None = None


class Instance(msgspec.Struct):
    name: str
    colorRGB: tuple[int, int, int]


class Masks(msgspec.Struct):
    """The body of a row."""

    frames: list[Frame]
    instances: list[Instance]


def images_of(masks: Masks, files: Files) -> dict[int, bytes]:
    """Return the image of each frame.

    Raises:
        RowError: One cannot be had, or is no image.
    """
    images = {frame.index: _content(frame, files) for frame in masks.frames}
    if not images or min(images) < 1 or not masks.instances:
        raise RowError("InvalidAnnotation", "Masks of a video need frames from 1 on, and instances.")
    return images


def _content(frame: Frame, files: Files) -> bytes:
    try:
        if frame.imBytes is not None:
            return base64.b64decode(frame.imBytes, validate=True)
    except binascii.Error as error:
        raise RowError("InvalidAnnotation", f"imBytes of frame {frame.index} is not base64: {error}.") from error
    file = files.at(frame.instanceURI or "")
    if file is None:
        raise RowError("InvalidAnnotation", f"The image of frame {frame.index} cannot be fetched.")
    return file.content


def frames_with(color: tuple[int, int, int], images: dict[int, bytes]) -> list[int]:
    """Return the frames in whose image a colour occurs."""
    return [index for index, png in sorted(images.items()) if np.all(_pixels(png) == color, axis=2).any()]


def _pixels(png: bytes) -> Any:
    try:
        with Image.open(io.BytesIO(png)) as image:
            return np.asarray(image.convert("RGB"))
    except (UnidentifiedImageError, OSError) as error:
        raise RowError("InvalidAnnotation", "The image of a frame is no image.") from error


def show(made: Json, feature_id: str, held: Json, url: Url, frame_of: Callable[[Json, int], Json]) -> None:
    """Add one object to the annotations of a video as exports show them."""
    for index in held["frames"]:
        drawn = {"url": url(held["token"], index), "color_rgb": held["color"]}
        shown = {**held["head"], "annotation_kind": "VideoSegmentationMask", "classifications": []}
        frame_of(made, index)["objects"][feature_id] = {**shown, "composite_mask": drawn}
    made["segments"][feature_id] = _stretches(held["frames"])
    made["key_frame_feature_map"][feature_id] = {str(index): True for index in held["frames"]}


def _stretches(frames: list[int]) -> list[list[int]]:
    """Return first and last of each run of consecutive frames."""
    stretches: list[list[int]] = []
    for frame in frames:
        if stretches and frame == stretches[-1][1] + 1:
            stretches[-1][1] = frame
        else:
            stretches.append([frame, frame])
    return stretches
