"""Agents: a model that works with tools, turn by turn."""
