"""docs/notebook.ipynb runs from its first cell to its last, and what it says holds."""

import os
import re
import sys
from pathlib import Path

import pytest

NOTEBOOK = Path(__file__).parents[1] / "docs" / "notebook.ipynb"


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    """The notebook's code cells after a kernel has run them, with fewer epochs."""
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    folder = tmp_path_factory.mktemp("notebook")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace('"Trainer.epochs = 25"', '"Trainer.epochs = 3"')
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CCD_CACHE", str(folder / "cache"))
        patch.setenv("PYTHONPATH", str(NOTEBOOK.parents[1]))
        patch.setenv("JUPYTER_DATA_DIR", str(folder / "jupyter"))
        patch.setenv("IPYTHONDIR", str(folder / "ipython"))
        client = nbclient.NotebookClient(
            notebook, timeout=240, resources={"metadata": {"path": str(folder)}}
        )
        client.create_kernel_manager()
        client.km.kernel_cmd = [
            os.path.abspath(sys.executable), "-m", "ipykernel_launcher", "-f", "{connection_file}",
        ]  # fmt: skip
        client.execute()
    return folder, [cell for cell in notebook.cells if cell.cell_type == "code"]


def shown(cell):
    """What a cell printed and gave, as text."""
    return "".join(
        out.get("text", "") or out.get("data", {}).get("text/plain", "") for out in cell.outputs
    )


def test_it_imports_trains_and_draws(cells):
    folder, code = cells
    texts = [shown(cell) for cell in code]
    assert any("<Imported shop: 400 users, 240 items" in text for text in texts)
    assert any(re.search(r"FREEDOM +2 ", text) for text in texts)
    assert any("image/png" in out.get("data", {}) for cell in code for out in cell.outputs)
    assert (folder / "runs" / "shop" / "results.jsonl").exists()


def test_what_it_says_of_the_vectors_is_so(cells):
    _, code = cells
    text = next(shown(cell) for cell in code if "if shuffled" in shown(cell))
    shared, shuffled = (float(x) for x in re.findall(r"([\d.]+)%", text))
    assert shared > 1.5 * shuffled


def test_its_outputs_are_those_of_its_code():
    """The pages that show the notebook show what was kept in it."""
    nbformat = pytest.importorskip("nbformat")
    for cell in nbformat.read(NOTEBOOK, as_version=4).cells:
        if cell.cell_type == "code":
            assert all(out.output_type != "error" for out in cell.outputs)
            assert cell.outputs or cell.source.startswith("import numpy")
