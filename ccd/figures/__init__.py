"""Figures of finished runs: each ``draw_...`` returns a matplotlib figure, ``save`` writes it."""
