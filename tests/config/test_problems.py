from __future__ import annotations

import pytest

from ccd.config.problems import Problems
from ccd.errors import ConfigError


def test_problems_come_together_and_once():
    problems = Problems()
    problems.raise_if_any()
    one, two = ConfigError("one", hint="mend it"), ConfigError("two")
    problems.add(one)
    problems.add(ConfigError("one", hint="mend it"))
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert caught.value is one
    problems.add(two)
    with pytest.raises(ConfigError) as caught:
        problems.raise_if_any()
    assert caught.value.mistakes == (one, two)
    assert str(caught.value) == "2 mistakes in the configuration\none; mend it\ntwo"
