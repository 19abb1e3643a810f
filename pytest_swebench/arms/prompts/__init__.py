"""Prompt templates, one file an arm family."""
