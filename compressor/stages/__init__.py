"""The stages of a run, one file each. `pipeline.py` knows their order; they know each other's files only."""
