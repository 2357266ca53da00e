from ccd.runs.identity import config_hash, differences, slug


def test_hash_depends_on_values_and_data_but_not_on_order():
    settings = {"A.x": "1", "B.y": "2"}
    assert config_hash(settings, "f") == config_hash({"B.y": "2", "A.x": "1"}, "f")
    assert config_hash(settings, "f") != config_hash(settings, "g")
    assert config_hash(settings, "f") != config_hash({"A.x": "1", "B.y": "3"}, "f")


def test_differences_name_key_and_both_values():
    before = {"A.x": "1", "B.y": "2", "same": "0"}
    now = {"B.y": "3", "C.z": "4", "same": "0"}
    assert differences(before, now) == [
        "A.x was 1, now not set",
        "B.y was 2, now 3",
        "C.z was not set, now 4",
    ]


def test_no_variant_is_named_like_the_folder_of_another():
    for name in ("a b", "../x", "<script>"):
        taken = slug(name, 7).removesuffix("-7")
        assert slug(taken, 7) != slug(name, 7)
        assert slug(slug(taken, 7).removesuffix("-7"), 7) not in {slug(name, 7), slug(taken, 7)}


def test_slug_is_readable_and_differs_where_variants_do():
    assert slug("FREEDOM+DMA", 999) == "FREEDOM+DMA-999"
    names = {slug(name, 1) for name in ("a b", "a-b", "a/b", "../b", "ä", "x" * 300, "x" * 301)}
    assert len(names) == 7
    assert all("/" not in name and len(name) < 120 for name in names)
