from dataclasses import replace

import pytest

from ccd.analysis.tables import Cell, build_table, meaning
from tests.runs.samples import METRICS, VARIANTS, make_per_user, make_result


def four_variants(seeds=(1, 2, 3)):
    results, per_user = [], {}
    for index, variant in enumerate(VARIANTS):
        for seed in seeds:
            results.append(make_result(variant, seed, value=0.05 + 0.01 * index + 0.001 * seed))
            per_user[(variant, seed)] = make_per_user(0.01 * index)
    return build_table(results, per_user, baseline="FREEDOM")


def worse():
    """Every variant is worse than the baseline."""
    results = [make_result(v, value=0.1 - 0.01 * i) for i, v in enumerate(VARIANTS)]
    per_user = {(v, 999): make_per_user(-0.01 * i) for i, v in enumerate(VARIANTS)}
    return build_table(results, per_user, baseline="FREEDOM")


def test_cells_hold_mean_spread_gain_and_rank():
    table = four_variants()
    assert table.metrics == METRICS
    assert [row.variant for row in table.rows] == list(VARIANTS)
    cell = table.rows[1].cells["recall@20"]
    assert cell.mean == pytest.approx(2 * 0.062)
    assert cell.sd == pytest.approx(2 * 0.001)
    assert cell.gain == pytest.approx(0.062 / 0.052 - 1)
    assert [row.cells["ndcg@10"].rank for row in table.rows] == [0, 0, 2, 1]
    assert table.rows[0].cells["recall@20"].gain is None
    assert table.rows[0].cells["recall@20"].p_value is None
    assert table.rows[3].cells["recall@20"].p_value < 1e-6


@pytest.mark.parametrize(
    ("p_value", "stars"), [(None, ""), (0.05, ""), (0.049, "*"), (0.009, "**"), (0.0009, "***")]
)
def test_a_loss_has_another_mark_than_a_gain(p_value, stars):
    assert Cell((0.1,), p_value=p_value).mark == stars
    assert Cell((0.1,), p_value=p_value, worse=True).mark == (f"↓{stars}" if stars else "")


def test_what_the_test_finds_worse_is_marked_so_and_explained():
    table = worse()
    assert [row.cells["recall@20"].mark for row in table.rows] == ["", "↓***", "↓***", "↓***"]
    assert "against FREEDOM, two-sided; ↓: worse (Wilcoxon" in meaning(table)
    assert meaning(build_table([make_result("A")], {})) == ""


def test_one_seed_has_no_spread_and_one_variant_no_rank():
    table = build_table([make_result("A")], {}, baseline="B")
    cell = table.rows[0].cells["recall@5"]
    assert (cell.sd, cell.rank, cell.gain) == (None, 0, None)
    assert table.baseline is None


def test_gain_is_over_the_seeds_both_have():
    results = [
        make_result("base", 1, value=0.1),
        make_result("base", 2, value=0.9),
        make_result("x", 1, value=0.2),
    ]
    table = build_table(results, {}, baseline="base")
    assert table.rows[1].cells["recall@20"].gain == pytest.approx(1.0)
    assert table.seeds == (1, 2)


def test_rows_follow_the_order_asked_for_and_columns_the_results():
    results = [make_result(name) for name in ("b", "a")]
    assert [r.variant for r in build_table(results, {}, variants=["a", "b", "c"]).rows] == [
        "a",
        "b",
    ]
    assert build_table(results, {}, metrics=["ndcg@5"]).metrics == ("ndcg@5",)


def test_json_has_a_record_per_variant_and_metric():
    records = four_variants().to_json()
    assert len(records) == len(VARIANTS) * len(METRICS)
    assert records[0]["variant"] == "FREEDOM"
    assert records[0]["seeds"] == [1, 2, 3]


def test_every_cutoff_and_a_metric_of_the_recipes_own_are_columns():
    kinds = ("recall", "ndcg", "novelty", "precision", "map", "hr", "mrr")
    names = [f"{kind}@{k}" for kind in kinds for k in (7, 30)]
    result = replace(make_result("A"), test=dict.fromkeys(names, 0.1))
    assert build_table([result], {}).metrics == tuple(names[:6])
    # A recipe that names other metrics than ccd's wiring wants to see them.
    chosen = replace(result, test={"recall@7": 0.1, "precision@7": 0.1})
    assert build_table([chosen], {}).metrics == ("recall@7", "precision@7")
