"""From a patch to a verdict, as the official harness gives it."""
