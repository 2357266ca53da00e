from __future__ import annotations

from ccd.config.merge import merge


def test_settings_are_grouped_by_value(load):
    root = merge(load().graphs)
    settings = {s.name: s for s in root.settings}
    assert not settings["seed"].differs
    assert [(c.text, c.variants) for c in settings["diffusion"].choices] == [
        ("None", ("base",)),
        ("@demo_diffusion", ("base+dma", "all")),
    ]
    (diffusion,) = settings["diffusion"].choices[1].children
    betas = next(s for s in diffusion.settings if s.name == "betas")
    assert [c.variants for c in betas.choices] == [("base+dma",), ("all",)]


def test_components_in_a_tuple_line_up(load):
    text = (
        "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"
        "include 'gin/modules/losses.gin'\n"
        "Ablation.variants = {'a': [], 'b': ['demo_denoising.weight = 2.0']}\n"
    )
    losses = next(s for s in merge(load(text).graphs).settings if s.name == "losses")
    bpr, denoising = losses.choices[0].children
    assert [s.differs for s in bpr.settings] == [False]
    assert [s.differs for s in denoising.settings] == [True, False]


def test_walk_visits_every_alternative(load):
    keys = [node.node.key for node in merge(load().graphs).walk()]
    assert {"demo_linear", "demo_cosine", "demo_bpr", "demo_denoising"} < set(keys)
