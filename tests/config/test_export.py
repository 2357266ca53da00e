from __future__ import annotations

import json
import re

from ccd.config.export import to_json, to_mermaid

NODE = re.compile(r'  n\d+\["[^"`]*"\]')
EDGE = re.compile(r'  n\d+ (-->|-\.->)\|"[^"`]*"\| n\d+')


def test_json_has_every_parameter_and_origin(load):
    data = json.loads(json.dumps(to_json(load())))
    assert (data["dataset"], data["baseline"], data["seeds"]) == ("small", "base", [1, 2])
    assert list(data["variants"]) == ["base", "base+dma", "all"]
    root = data["variants"]["all"]
    assert root["parameters"]["plain"] == {"value": 3, "origin": None}
    losses = root["parameters"]["losses"]["value"]
    assert [loss["component"] for loss in losses] == ["demo_bpr", "demo_denoising"]
    steps = root["parameters"]["diffusion"]["value"]["parameters"]["steps"]
    assert steps == {
        "value": 40,
        "origin": {"file": "recipes/ablation.gin", "line": 11, "note": ""},
    }


def test_mermaid_is_a_flowchart_of_all_variants(load):
    head, *lines = to_mermaid(load()).splitlines()
    assert head == "flowchart LR"
    assert all(NODE.fullmatch(line) or EDGE.fullmatch(line) for line in lines)
    boxes = [line for line in lines if NODE.fullmatch(line)]
    assert len(boxes) == 7
    assert sum("-.->" in line for line in lines) == 5


def test_mermaid_escapes_what_it_would_read(load):
    title = 'a "b" <i> # 100% `c` | [d] \\ &amp;'
    chart = to_mermaid(load(bindings=[f"DemoExperiment.title = {title!r}"]))
    assert "a #34;b#34; #lt;i#gt; #35; 100% #96;c#96;" in chart
    assert "#amp;amp;" in chart
    assert all(NODE.fullmatch(line) or EDGE.fullmatch(line) for line in chart.splitlines()[1:])
