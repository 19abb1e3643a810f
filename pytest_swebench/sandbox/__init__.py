"""Where arms work and patches are graded."""
