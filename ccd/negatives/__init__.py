"""NDI and CNS: pools, curricula and negative samplers."""

from ccd.negatives import curricula, curricular, pools, uniform

__all__ = ["curricula", "curricular", "pools", "uniform"]
