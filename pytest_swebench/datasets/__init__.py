"""Instances and where they come from."""
