"""COCO and Dragoman's own formats, as the core registers them."""

from __future__ import annotations

from dragoman.formats.base import Format

BUILTIN = (
    Format(
        name="coco",
        title="COCO",
        description="COCO JSON: boxes, polygons, masks and keypoints, in one file or a file per split.",
        reader="dragoman.formats.coco:CocoReader",
        writer="dragoman.formats.coco:CocoWriter",
        recognise="dragoman.formats.coco:recognise",
        suffixes=(".json",),
    ),
    Format(
        name="coco-results",
        title="COCO results",
        description="COCO results: a list of predictions on the images of a COCO dataset.",
        reader="dragoman.formats.coco:CocoReader",
        writer="dragoman.formats.coco:CocoResultsWriter",
        recognise="dragoman.formats.coco:recognise_results",
    ),
    Format(
        name="ndjson",
        title="Dragoman NDJSON",
        description="Dragoman's own lines of JSON, lossless: a header, the ontology, items and rows.",
        reader="dragoman.formats.native:NdjsonReader",
        writer="dragoman.formats.native:NdjsonWriter",
        recognise="dragoman.formats.native:recognise_ndjson",
        suffixes=(".ndjson", ".jsonl"),
    ),
    Format(
        name="parquet",
        title="Dragoman Parquet",
        description="Dragoman's own Parquet files, lossless, one for items and one for rows.",
        reader="dragoman.formats.native:ParquetReader",
        writer="dragoman.formats.native:ParquetWriter",
        recognise="dragoman.formats.native:recognise_parquet",
        suffixes=(".parquet",),
    ),
)
"""Formats in the order in which they are listed."""
