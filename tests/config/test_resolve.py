from __future__ import annotations

HEAD = "include 'gin/base.gin'\ninclude 'gin/datasets/small.gin'\n"


def graph(load, text, **options):
    return load(HEAD + text, **options).graphs["own"]


def test_every_parameter_knows_who_set_it(load):
    root = graph(load, "DemoExperiment.width = 8\n", bindings=["SEED = 5"]).root
    assert str(root["width"].origin) == "recipes/own.gin:3"
    assert str(root["seed"].origin) == "gin/base.gin:3 (%SEED from --set)"
    assert root["seed"].value == 5
    assert root["plain"].origin is None


def test_scope_beats_no_scope_and_passes_to_what_is_inside(load):
    root = graph(
        load,
        "DemoExperiment.diffusion = @own/demo_diffusion\n"
        "demo_diffusion.steps = 5\nown/demo_diffusion.steps = 6\n"
        "own/demo_linear.end = 0.5\ndemo_linear.start = 0.25\n",
    ).root
    node = root["diffusion"].value
    assert node.key == "own/demo_diffusion"
    assert node["steps"].value == 6
    assert node["betas"].value["end"].value == 0.5
    assert node["betas"].value["start"].value == 0.25


def test_a_scoped_reference_replaces_the_scope(load):
    root = graph(
        load,
        "DemoExperiment.diffusion = @own/demo_diffusion\n"
        "demo_diffusion.betas = @other/demo_linear\n"
        "own/demo_diffusion.steps = 6\nother/demo_linear.end = 0.5\n",
    ).root
    assert root["diffusion"].value["betas"].value["end"].value == 0.5


def test_references_nest_in_tuples_and_dicts(load):
    built = graph(
        load,
        "DemoExperiment.losses = [@demo_bpr, @b/demo_bpr]\nb/demo_bpr.weight = 3\n"
        "DemoExperiment.named_losses = {'x': @demo_denoising}\n",
    ).factory()()
    assert built.losses == (("demo_bpr", 1.0), ("demo_bpr", 3.0))
    assert built.named_losses == {"x": ("demo_denoising", 1.0, "l1")}


def test_factories_share_nothing_mutable(load):
    text = "demo_files.modalities = {'image': 'a.npy'}\n"
    config = graph(load, text)
    first = config.root["dataset"].value.factory()
    first.keywords["modalities"].clear()
    assert config.factory()().dataset == ("demo_files", "small", {"image": "a.npy"})


def test_macros_are_late_bound(load):
    root = graph(load, "DemoExperiment.title = %T\nT = 'a'\n", bindings=["T = 'b'"]).root
    assert root["title"].value == "b"
