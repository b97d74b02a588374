"""Pages for people: one HTML file each that needs no other file and no network, light and dark."""

from dragoman.pages.render import render
from dragoman.pages.shapes import data_uri, extent, path_of

__all__ = ["data_uri", "extent", "path_of", "render"]
