"""One assistant, two tool sets of equal abilities: many narrow tools against a few tools shaped like apps."""
