"""NDI and CNS: pools, curricula and negative samplers."""

from ccd.negatives import (
    ahns,
    curricula,
    curricular,
    dmns,
    dns,
    fmcns,
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
    "ahns",
    "curricula",
    "curricular",
    "dmns",
    "dns",
    "fmcns",
    "mixgcf",
    "pools",
    "popularity",
    "probe",
    "realhns",
    "shared",
    "srns",
    "uniform",
]
