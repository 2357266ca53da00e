"""An exported run, and the run itself."""

import pytest

from ccd.finished.runs import choose_run
from ccd.serving.export import export


@pytest.fixture(scope="package")
def run(finished_folder):
    return choose_run(finished_folder, "FREEDOM+DMA+NDI+CNS", 1)


@pytest.fixture(scope="package")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("serving") / "export"
    export(run, folder, indexes=["usearch"])
    return folder
