"""Trainings and predictions on a cluster through Ray, which is an extra and is imported when it is used.

Only the process that submits opens the state. Images, weights and checkpoints are files, which all machines of the
cluster must reach below the same paths.
"""
