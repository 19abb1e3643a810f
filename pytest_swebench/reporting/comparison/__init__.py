"""Runs and other people's results held against each other: what they say, and whether they may be compared at all."""
