"""The routes of the Synapse emulator, by subject."""
