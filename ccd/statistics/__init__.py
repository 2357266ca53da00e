"""Is a difference between two variants more than chance?"""

from ccd.statistics import comparison, paired_tests

__all__ = ["comparison", "paired_tests"]
