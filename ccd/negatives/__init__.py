"""NDI and CNS: pools, curricula and negative samplers."""

from ccd.negatives import (
    curricula,
    curricular,
    dns,
    mixgcf,
    pools,
    popularity,
    probe,
    realhns,
    shared,
    srns,
    uniform,
)

__all__ = [
    "curricula",
    "curricular",
    "dns",
    "mixgcf",
    "pools",
    "popularity",
    "probe",
    "realhns",
    "shared",
    "srns",
    "uniform",
]
