"""What a run leaves on disk, and the records it is made of."""
