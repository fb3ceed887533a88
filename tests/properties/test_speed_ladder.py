"""What the speed ladder computes of any measurements: powers, and numbers of three digits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from feedback_lite.widgets.speed_ladder import growth, three_digits


@given(st.floats(0.2, 3), st.floats(0.01, 100), st.integers(4, 99))
def test_growth_is_the_power_of_a_power(power: float, each: float, first: int) -> None:
    lengths = [first, 3 * first, 4 * first]
    told = growth(lengths, [each * length**power for length in lengths])
    assert float(told) == pytest.approx(power, abs=0.005 + 1e-9)


@given(st.floats(1e-3, 1e7))
def test_three_digits_are_near_the_number(number: float) -> None:
    told = three_digits(number)
    assert float(told.replace(",", "")) == pytest.approx(number, rel=0.00501)
    assert len(told.replace(",", "").replace(".", "").lstrip("0")) >= 3
