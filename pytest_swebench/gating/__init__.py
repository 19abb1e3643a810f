"""The gate of a run of pytest: forecast before it, looks while it runs, verdict and exit status after."""
