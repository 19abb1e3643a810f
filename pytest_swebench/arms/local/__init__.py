"""Arms for local tasks: clone, install, test, with and without a model."""
