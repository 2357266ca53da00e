import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ccd.datasets.dataset import Dataset, Interactions, Neighbours
from ccd.errors import ConfigError
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.weighted import (
    Edges,
    FixedItemGraph,
    WeightedItemGraph,
    mixed_edges,
    similarity_edges,
    weighted_knn,
)

N_ITEMS, K = 30, 4
CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def features(dim=3, seed=0):
    return np.random.default_rng(seed).normal(size=(N_ITEMS, dim)).astype(np.float32)


def dataset(tables, neighbours=None):
    pairs = Interactions(np.arange(3), np.arange(3))
    return Dataset("small", 3, N_ITEMS, pairs, pairs, pairs, tables, neighbours or {})


def kept_cosines(unit):
    """The spec's K_w before its normalisation, dense."""
    cosine = unit @ unit.T
    top = cosine.detach().topk(K, dim=1).indices
    return cosine * torch.zeros_like(cosine).scatter(1, top, 1.0)


def normalised(matrix):
    scale = matrix.sum(1).rsqrt()
    return scale[:, None] * matrix * scale


def as_matrix(edges):
    zeros = torch.zeros(N_ITEMS, N_ITEMS)
    return zeros.index_put((edges.target, edges.source), edges.weights, accumulate=True)


def test_the_fixed_graph_equals_the_dense_one_and_its_transpose():
    table = features()
    edges = weighted_knn(dataset({"image": table}), CPU, k=K, setting="K.k")["image"]
    graph = FixedItemGraph(edges, N_ITEMS, DglEngine())
    expected = normalised(kept_cosines(F.normalize(torch.from_numpy(table))))
    x = torch.randn(N_ITEMS, 5, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(graph(x), expected @ x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
# More columns than are summed at a time, and a rest.
@pytest.mark.parametrize("dim", [5, 40])
def test_a_detached_graph_is_the_same_but_for_the_gradient_to_its_weights(engine, dim):
    units = [F.normalize(torch.from_numpy(features(seed=s))) for s in (0, 1)]
    units[0].requires_grad_()
    edges = mixed_edges([similarity_edges(unit, K) for unit in units], torch.tensor([0.3, 0.7]))
    x = torch.randn(N_ITEMS, dim, generator=torch.Generator().manual_seed(0), requires_grad=True)
    graph = WeightedItemGraph(edges, N_ITEMS, engine)
    learned, fixed = graph(x), graph.detached()(x)
    # Parallel edges add up.
    torch.testing.assert_close(learned, as_matrix(edges) @ x, atol=1e-5, rtol=0)
    torch.testing.assert_close(fixed, learned, atol=1e-5, rtol=0)
    got, true = (
        torch.autograd.grad(y.square().sum(), x, retain_graph=True) for y in (fixed, learned)
    )
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)
    assert torch.autograd.grad(learned.sum(), units[0])[0].abs().max() > 0
    assert torch.autograd.grad(fixed.sum(), units[0], allow_unused=True) == (None,)


def test_gradient_reaches_the_kept_cosines_through_mix_and_normalisation():
    tables = [torch.from_numpy(features(seed=s)).requires_grad_() for s in (0, 1)]
    shares = torch.tensor([0.3, 0.7], requires_grad=True)
    units = [F.normalize(table) for table in tables]
    edges = mixed_edges([similarity_edges(unit, K) for unit in units], shares).normalised(N_ITEMS)
    dense = normalised(sum(w * kept_cosines(u) for w, u in zip(shares, units, strict=True)))
    torch.testing.assert_close(as_matrix(edges), dense, atol=1e-6, rtol=1e-5)
    upstream = torch.randn(N_ITEMS, N_ITEMS, generator=torch.Generator().manual_seed(2))
    wanted = [*tables, shares]
    got = torch.autograd.grad((as_matrix(edges) * upstream).sum(), wanted, retain_graph=True)
    true = torch.autograd.grad((dense * upstream).sum(), wanted)
    torch.testing.assert_close(got, true, atol=1e-5, rtol=1e-5)


def test_an_item_without_the_modality_has_only_itself():
    table = features()
    table[7] = 0
    edges_of = weighted_knn(dataset({"image": table}), CPU, k=K, setting="K.k")
    unit = F.normalize(torch.from_numpy(table)).requires_grad_()
    for edges in (edges_of["image"], similarity_edges(unit, K).normalised(N_ITEMS)):
        matrix = as_matrix(edges)
        assert matrix[7, 7] == 1
        assert matrix[7].count_nonzero() == matrix[:, 7].count_nonzero() == 1
        assert matrix.isfinite().all()


def test_precomputed_cosines_are_the_weights():
    ids = np.stack([np.arange(N_ITEMS), np.arange(N_ITEMS) - 1], axis=1) % N_ITEMS
    cosines = np.tile(np.float32([1.0, 0.6]), (N_ITEMS, 1))
    known = {"image": Neighbours(ids.astype(np.int32), cosines)}
    data = dataset({"image": features()}, known)
    edges = weighted_knn(data, CPU, k=2, setting="K.k")["image"]
    matrix = as_matrix(edges)
    torch.testing.assert_close(matrix.diagonal(), torch.full((N_ITEMS,), 1 / 1.6))
    torch.testing.assert_close(matrix[5, 4], torch.tensor(0.6 / 1.6))


def test_a_row_that_sums_to_nothing_becomes_zero_and_so_does_its_gradient():
    weights = torch.tensor([1.0, 1.0, -1.0], requires_grad=True)
    edges = Edges(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), weights)
    scaled = edges.normalised(2).weights
    assert scaled.tolist() == [1.0, 0.0, 0.0]
    (gradient,) = torch.autograd.grad(scaled.sum(), weights)
    assert gradient.isfinite().all()


def test_refusals():
    with pytest.raises(ConfigError, match=r"LATTICE\.k = 31.*largest legal value is 30"):
        weighted_knn(
            dataset({"a": features()}),
            CPU,
            k=31,
            setting="LATTICE.k",
        )
