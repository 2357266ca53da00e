"""Finished runs, opened again: their results, their model rebuilt, and what it recommends."""
