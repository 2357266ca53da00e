import torch
from torch.nn import functional as F

from ccd.negatives.clusters import cohesion


def test_tight_clusters_are_coherent_and_the_stream_decides():
    rng = torch.Generator().manual_seed(0)
    centres = F.normalize(torch.randn(4, 16, generator=rng))
    tight = F.normalize(centres.repeat(25, 1) + 0.01 * torch.randn(100, 16, generator=rng))
    loose = F.normalize(torch.randn(100, 16, generator=rng))

    def found(unit, n_clusters, seed=0):
        return cohesion(unit, n_clusters, torch.Generator().manual_seed(seed))

    assert found(tight, 30) > 0.99
    assert found(loose, 4) < 0.5
    assert found(loose, 1) - loose.mean(0).square().sum().item() < 1e-5
    assert found(loose, 500) > 0.9  # more clusters than rows
    assert found(loose, 8) == found(loose, 8) != found(loose, 8, seed=1)
