"""Items without interactions: where they are placed, and how long their vectors are."""

from ccd.cold_items import placing, scales

__all__ = ["placing", "scales"]
