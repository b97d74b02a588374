"""Rows in the terms of other libraries: Arrow tables, supervision's detections, FiftyOne's samples.

Each needs its extra.
"""
