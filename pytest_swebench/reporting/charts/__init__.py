"""Charts and tables of a run for papers and slides; drawing needs matplotlib, which the extra `charts` brings."""
