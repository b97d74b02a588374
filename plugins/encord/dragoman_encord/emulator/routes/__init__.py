"""The routes of the v2 protocol, one module per subject."""
