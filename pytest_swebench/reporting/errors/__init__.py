"""What went wrong in a run: how cells failed, of which kinds, and what says so."""
