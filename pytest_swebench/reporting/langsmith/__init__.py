"""Runs in LangSmith: every attempt at a cell while it happens, or a finished run afterwards."""
