"""Dragoman's own formats, which keep everything that the schema holds: lines of JSON, and Parquet."""

from dragoman.formats.native.ndjson import NdjsonReader, NdjsonWriter, recognise_ndjson
from dragoman.formats.native.parquet import ParquetReader, ParquetWriter, recognise_parquet

__all__ = [
    "NdjsonReader",
    "NdjsonWriter",
    "ParquetReader",
    "ParquetWriter",
    "recognise_ndjson",
    "recognise_parquet",
]
