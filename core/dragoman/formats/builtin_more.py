"""The formats of annotation tools and trainers that come with Dragoman besides COCO and its own."""

from __future__ import annotations

from dragoman.formats.base import Format

BUILTIN_MORE = (
    Format(
        name="yolo",
        title="YOLO",
        description="Ultralytics' folders of images and label files: boxes, oriented boxes, segments, poses.",
        reader="dragoman.formats.yolo:YoloReader",
        writer="dragoman.formats.yolo:YoloWriter",
        recognise="dragoman.formats.yolo:recognise",
    ),
    Format(
        name="yolo-classify",
        title="Folders of classes",
        description="Images in a folder per split and class, as Ultralytics and torchvision have them; read only.",
        reader="dragoman.formats.yolo:YoloClassifyReader",
        writer=None,
        recognise="dragoman.formats.yolo:recognise_classify",
    ),
    Format(
        name="voc",
        title="Pascal VOC",
        description="One XML file of boxes per image, as the VOC devkit or a flat folder has them.",
        reader="dragoman.formats.voc:VocReader",
        writer="dragoman.formats.voc:VocWriter",
        recognise="dragoman.formats.voc:recognise",
    ),
    Format(
        name="cvat",
        title="CVAT XML 1.1",
        description="CVAT's exports for images and for video, with tracks, masks and skeletons.",
        reader="dragoman.formats.cvat:CvatReader",
        writer="dragoman.formats.cvat:CvatWriter",
        recognise="dragoman.formats.cvat:recognise",
    ),
    Format(
        name="labelstudio",
        title="Label Studio JSON",
        description="Label Studio's tasks with annotations and predictions, and the labelling configuration.",
        reader="dragoman.formats.labelstudio:LabelStudioReader",
        writer="dragoman.formats.labelstudio:LabelStudioWriter",
        recognise="dragoman.formats.labelstudio:recognise",
    ),
)
"""Entries for the hook `dragoman_formats`. Their libraries are in the extra `formats`."""
