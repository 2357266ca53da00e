import torch

from ccd.runs.checkpoint_file import read_state, write_state


def test_views_of_one_memory_come_back_as_they_were(tmp_path):
    """A part may remember overlapping rows of one table; the format has no views."""
    table = torch.arange(12.0).reshape(6, 2)
    state = {"all": table, "first": table[:4], "last": table[3:], "again": table, "turned": table.T}
    write_state(tmp_path / "state", state, {})
    found = read_state(tmp_path / "state")
    assert all(torch.equal(found[name], value) for name, value in state.items())
