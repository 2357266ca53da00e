import torch

from ccd.training.random import Streams

CPU = torch.device("cpu")


def draw(seed, name):
    return torch.rand(4, generator=Streams(seed, CPU).generator(name))


def test_streams_depend_on_seed_and_name_only():
    assert torch.equal(draw(1, "noise"), draw(1, "noise"))
    assert not torch.equal(draw(1, "noise"), draw(2, "noise"))
    assert not torch.equal(draw(1, "noise"), draw(1, "graph"))


def test_streams_remember_what_they_gave():
    streams = Streams(1, CPU)
    graph, noise = streams.generator("graph"), streams.generator("noise")
    assert streams.generators == {"graph": graph, "noise": noise}
    assert streams.generator("noise") is streams.generators["noise"]


def test_drawing_from_one_leaves_the_others():
    streams = Streams(1, CPU)
    torch.rand(100, generator=streams.generator("noise"))
    assert torch.equal(torch.rand(4, generator=streams.generator("graph")), draw(1, "graph"))
