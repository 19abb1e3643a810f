"""Model endpoints behind one small protocol."""
