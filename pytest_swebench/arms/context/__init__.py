"""What a request shows of a repository: the files an issue names and those that match it, within so many tokens."""
