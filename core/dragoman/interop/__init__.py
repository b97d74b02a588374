"""Rows in the terms of other libraries: Arrow tables and supervision's detections. Each needs its extra."""
