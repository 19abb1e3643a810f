"""Strategies that work on an instance and leave a patch."""
