"""Workflows: steps that ask a model for an answer of a declared shape, and guards that judge it."""
