"""The guards that workflows name: each judges one answer and says what to do better."""
