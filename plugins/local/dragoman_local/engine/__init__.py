"""The training and prediction engine of the local backend: image files and arrays in, arrays out.

It keeps no state: jobs, SQLite and facets are built on top of it. Importing this package imports torch
and OpenCV; transformers is imported when one of its architectures is built.
"""
