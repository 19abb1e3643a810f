"""The gate: whether a run is shown to be no worse than its baseline by more than is tolerated."""
