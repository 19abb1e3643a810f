"""What may be said of rates and differences: pure functions of the standard library; see docs/statistics.md."""
