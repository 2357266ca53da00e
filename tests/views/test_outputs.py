from dataclasses import replace

from ccd.runs.writing import RunFolder
from ccd.views.outputs import read_table, write_reports
from tests.runs.samples import VARIANTS, finish, make_result


def test_reports_are_made_of_what_is_finished(tmp_path):
    assert write_reports(tmp_path, "FREEDOM") is None
    assert list(tmp_path.iterdir()) == []
    with RunFolder(tmp_path, metric="recall@20") as folder:
        for index, variant in enumerate(reversed(VARIANTS[:3])):
            finish(folder, make_result(variant, value=0.1 - 0.01 * index), shift=-0.1 * index)
        table = write_reports(tmp_path, "FREEDOM", VARIANTS)
    assert [row.variant for row in table.rows] == list(VARIANTS[:3])
    assert table.rows[1].cells["recall@20"].p_value < 1e-6
    assert "FREEDOM+DMA+NDI" in (tmp_path / "table.md").read_text()
    assert (tmp_path / "ablation.png").read_bytes().startswith(b"\x89PNG")
    by_time = read_table(tmp_path, "FREEDOM")
    assert [row.variant for row in by_time.rows] == list(reversed(VARIANTS[:3]))
    others_last = read_table(tmp_path, "FREEDOM", ["FREEDOM"])
    assert [row.variant for row in others_last.rows] == [VARIANTS[0], VARIANTS[2], VARIANTS[1]]


def test_reports_that_another_process_has_written_are_not_drawn_again(tmp_path, monkeypatch):
    with RunFolder(tmp_path, metric="recall@20") as folder:
        finish(folder, make_result(VARIANTS[0]))
        write_reports(tmp_path, "FREEDOM", VARIANTS)
        drawn = []
        monkeypatch.setattr("ccd.views.outputs.save", lambda *_: drawn.append(1))
        write_reports(tmp_path, "FREEDOM", VARIANTS)
        assert drawn == []
        (tmp_path / "ablation.png").unlink()
        write_reports(tmp_path, "FREEDOM", VARIANTS)
        assert len(drawn) == 1
        (tmp_path / "ablation.png").touch()
        finish(folder, make_result(VARIANTS[1], value=0.2))
        write_reports(tmp_path, "FREEDOM", VARIANTS)
    assert len(drawn) == 2
    assert VARIANTS[1] in (tmp_path / "table.md").read_text()


def test_variants_without_a_common_metric_have_a_table_but_no_figure(tmp_path):
    with RunFolder(tmp_path, metric="recall@20") as folder:
        finish(folder, make_result(VARIANTS[0]))
        other = make_result(VARIANTS[1])
        finish(folder, replace(other, test={"mrr@3": 0.1}))
        assert write_reports(tmp_path, "FREEDOM").metrics == ()
    assert VARIANTS[1] in (tmp_path / "table.md").read_text()
    assert not (tmp_path / "ablation.png").exists()
