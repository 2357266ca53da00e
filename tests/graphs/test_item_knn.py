import numpy as np
import pytest
import torch

from ccd.datasets.dataset import Dataset, Interactions, Neighbours
from ccd.errors import ConfigError
from ccd.graphs import nearest
from ccd.graphs.engines import DglEngine, TorchEngine
from ccd.graphs.item_knn import ItemGraph, knn_graph
from ccd.graphs.propagation import propagate

N_ITEMS = 50


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("CCD_CACHE", str(tmp_path))


def features(dim, seed=0):
    return np.random.default_rng(seed).normal(size=(N_ITEMS, dim)).astype(np.float32)


def dataset(**changes):
    pairs = Interactions(np.arange(3), np.arange(3))
    values = {
        "features": {"image": features(6), "text": features(4, 1)},
        **changes,
    }
    return Dataset("small", 3, N_ITEMS, pairs, pairs, pairs, **values)


def as_matrix(graph, n=N_ITEMS):
    return graph(torch.eye(n))


def test_rows_sum_to_one_and_single_modality_values_are_one_over_k():
    data = dataset()
    both = as_matrix(knn_graph(data, DglEngine(), torch.device("cpu"), k=10))
    torch.testing.assert_close(both.sum(1), torch.ones(N_ITEMS))
    text = as_matrix(
        knn_graph(data, DglEngine(), torch.device("cpu"), k=10, weights={"image": 0.0})
    )
    assert text[text > 0].allclose(torch.tensor(0.1))


def test_rows_sum_to_one_where_a_modality_is_missing():
    table = features(6)
    table[[3, 8]] = 0
    data = dataset(features={"image": table, "text": features(4, 1)})
    matrix = as_matrix(knn_graph(data, DglEngine(), torch.device("cpu"), k=4))
    torch.testing.assert_close(matrix.sum(1), torch.ones(N_ITEMS))


@pytest.mark.parametrize("n_layers", [1, 2])
def test_engines_agree_in_value_and_gradient(n_layers):
    x = torch.randn(N_ITEMS, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    results = []
    for engine in (DglEngine(), TorchEngine()):
        graph = knn_graph(dataset(), engine, torch.device("cpu"), k=4, n_layers=n_layers)
        value = propagate(graph, x)
        (gradient,) = torch.autograd.grad(value.square().sum(), x)
        results.append((value, gradient))
    torch.testing.assert_close(results[0], results[1], atol=1e-5, rtol=0)
    matrix = torch.matrix_power(as_matrix(graph), 1)
    torch.testing.assert_close(results[0][0], matrix @ x, atol=1e-5, rtol=0)


def test_precomputed_neighbours_are_used_where_long_enough():
    ids = np.tile(np.arange(4, dtype=np.int32), (N_ITEMS, 1))
    known = {"image": Neighbours(ids, np.ones((N_ITEMS, 4), np.float32))}
    only_image = dataset(features={"image": features(6)}, neighbours=known)
    cpu = torch.device("cpu")
    assert set(
        as_matrix(knn_graph(only_image, DglEngine(), cpu, k=3)).nonzero()[:, 1].tolist()
    ) == {
        0,
        1,
        2,
    }
    longer = as_matrix(knn_graph(only_image, DglEngine(), cpu, k=6))
    assert len(set(longer.nonzero()[:, 1].tolist())) > 10


def test_cache_is_keyed_by_content(monkeypatch):
    calls = []
    search = nearest.nearest_items
    monkeypatch.setattr(nearest, "nearest_items", lambda f, k: calls.append(k) or search(f, k))
    cpu = torch.device("cpu")
    for data in (dataset(), dataset(), dataset(features={"image": features(6, 9)})):
        knn_graph(data, DglEngine(), cpu, k=4)
    assert len(calls) == 3  # image and text, nothing, the changed image


def test_a_damaged_cache_file_is_made_again(tmp_path):
    cpu = torch.device("cpu")
    first = as_matrix(knn_graph(dataset(), DglEngine(), cpu, k=4))
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:100])
    assert torch.equal(first, as_matrix(knn_graph(dataset(), DglEngine(), cpu, k=4)))


def test_k_above_the_number_of_items_is_refused():
    with pytest.raises(ConfigError, match="largest legal value is 50"):
        knn_graph(dataset(), DglEngine(), torch.device("cpu"), k=51)


def test_padding_is_no_edge():
    graph = ItemGraph({"image": torch.tensor([[0, -1], [0, 1]])}, {"image": 1.0}, DglEngine())
    assert as_matrix(graph, 2).tolist() == [[1.0, 0.0], [0.5, 0.5]]
