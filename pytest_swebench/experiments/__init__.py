"""The default experiment, importable, so that an installed package works in an empty folder."""
