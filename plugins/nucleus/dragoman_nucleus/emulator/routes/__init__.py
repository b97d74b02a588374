"""The routes of the Nucleus API, one module per subject."""
