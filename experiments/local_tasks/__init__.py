"""Small git repositories with faults, as a file of local tasks."""
