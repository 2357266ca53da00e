"""What a run shows: progress while it goes, tables, tests and a figure when it ends."""
