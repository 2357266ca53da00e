from __future__ import annotations

from ccd.config.values import Macro, Reference, leaves, mapped

VALUE = [1, (Reference("A"), {"k": [Macro("M")]}), {}]


def test_leaves_are_found_in_order():
    assert list(leaves(VALUE)) == [1, Reference("A"), Macro("M")]
    assert list(leaves("text")) == ["text"]


def test_mapped_keeps_the_shape_and_copies():
    copy = mapped(VALUE, lambda leaf: leaf)
    assert copy == VALUE
    assert copy is not VALUE
    assert mapped(VALUE, str)[1] == (str(Reference("A")), {"k": [str(Macro("M"))]})
