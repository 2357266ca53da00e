import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import torch

from ccd.errors import ResourceError
from ccd.graphs.engines import DglEngine, TorchEngine, choose_engine, describe_choice


def random_edges(n_nodes=40, n_edges=150, seed=0):
    rng = torch.Generator().manual_seed(seed)
    keys = torch.randperm(n_nodes * n_nodes, generator=rng)[:n_edges]
    return keys // n_nodes, keys % n_nodes


def dense(source, target, n_nodes):
    matrix = torch.zeros(n_nodes, n_nodes)
    matrix[target, source] = 1.0
    return matrix


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_engines_equal_the_dense_product(engine):
    source, target = random_edges()
    x = torch.randn(40, 8, generator=torch.Generator().manual_seed(1))
    matrix, adjacency = dense(source, target, 40), engine.adjacency(source, target, 40, 40)
    torch.testing.assert_close(adjacency.sum_sources(x), matrix @ x, atol=1e-5, rtol=0)
    torch.testing.assert_close(adjacency.sum_targets(x), matrix.T @ x, atol=1e-5, rtol=0)


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_nodes_without_edges_sum_to_zero(engine):
    adjacency = engine.adjacency(torch.tensor([0]), torch.tensor([1]), 3, 3)
    summed = adjacency.sum_sources(torch.ones(3, 2))
    assert summed.tolist() == [[0, 0], [1, 1], [0, 0]]


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_weighted_sums_equal_the_dense_product_in_value_and_gradient(engine):
    source, target = random_edges()
    source, target = torch.cat([source, source[:9]]), torch.cat([target, target[:9]])  # parallel
    rng = torch.Generator().manual_seed(1)
    x = torch.randn(40, 8, generator=rng, requires_grad=True)
    weights = torch.randn(len(source), generator=rng, requires_grad=True)
    upstream = torch.randn(40, 8, generator=rng)
    matrix = torch.zeros(40, 40).index_put((target, source), weights, accumulate=True)
    summed = engine.adjacency(source, target, 40, 40).weighted_sum(x, weights)
    torch.testing.assert_close(summed, matrix @ x, atol=1e-5, rtol=0)
    got = torch.autograd.grad((summed * upstream).sum(), (x, weights))
    true = torch.autograd.grad((matrix @ x * upstream).sum(), (x, weights))
    torch.testing.assert_close(got, true, atol=1e-5, rtol=0)


@pytest.mark.parametrize("engine", [DglEngine(), TorchEngine()], ids=lambda e: e.name)
def test_constant_weights_still_pass_gradient_to_the_table(engine):
    source, target = random_edges()
    weights = torch.rand(len(source), generator=torch.Generator().manual_seed(1))
    x = torch.ones(40, 2, requires_grad=True)
    engine.adjacency(source, target, 40, 40).weighted_sum(x, weights).sum().backward()
    expected = torch.zeros(40).index_add(0, source, weights)
    torch.testing.assert_close(x.grad, expected[:, None].expand(40, 2), atol=1e-5, rtol=0)


def test_choice_of_engine():
    assert choose_engine("cpu").name == "dgl"
    assert choose_engine("cuda").name == "torch"
    assert choose_engine("cpu", "torch").name == "torch"
    with pytest.raises(ResourceError, match="CPU kernels only"):
        choose_engine("cuda", "dgl")
    assert "CPU" in describe_choice("cpu")


def test_without_dgl_torch_passes_the_messages():
    code = """
import sys
sys.modules["dgl"] = None  # what an import finds where it is not installed
import ccd
results = ccd.run(
    "recipes/ablation_freedom.gin",
    bindings=["planted_world.n_users = 60", "planted_world.n_items = 60",
              "planted_world.n_clusters = 6", "Trainer.epochs = 1"],
    only=["FREEDOM"], seeds=[1], out=sys.argv[1],
)
from ccd.graphs.engines import describe_choice
print(describe_choice("cpu"))
"""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "-c", code, folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        manifest = json.loads((Path(folder) / "manifest.json").read_text())
    assert done.stdout.startswith("torch: DGL is not installed")
    assert manifest["engine"] == "torch"
