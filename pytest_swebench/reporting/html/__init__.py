"""The report of a run as one file that a browser opens from disk."""
