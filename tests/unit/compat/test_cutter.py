from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from boildown.compat.cutter import fit


@given(
    sizes=st.lists(st.integers(0, 40), min_size=1, max_size=200),
    around=st.integers(-20, 20),
    limit=st.integers(0, 2000),
    first=st.integers(-50, 2500),
)
def test_the_limit_is_kept_whatever_is_counted_around(sizes: list[int], around: int, limit: int, first: int) -> None:
    """Pieces of odd sizes are taken while they fit into the budget; what stands around them counts too."""

    def attempt(budget: int | None) -> tuple[int, ...]:
        taken: list[int] = []
        for size in sizes:
            if budget is not None and sum(taken) + size > budget:
                break
            taken.append(size)
        return tuple(taken)

    def measure(taken: tuple[int, ...]) -> int:
        return max(sum(taken) + around, 0)

    found = fit(attempt, measure, limit, first)
    if measure(attempt(None)) <= limit:
        assert found == attempt(None)
    elif measure(attempt(0)) <= limit:
        assert measure(found) <= limit
    else:
        assert found == attempt(0)


@given(factor=st.floats(0.4, 2.5), around=st.integers(0, 30), limit=st.integers(50, 2000), first=st.integers(0, 2500))
def test_what_costs_otherwise_than_thought_is_found_all_the_same(
    factor: float, around: int, limit: int, first: int
) -> None:
    found = fit(
        lambda budget: 10**6 if budget is None else budget, lambda size: int(size * factor) + around, limit, first
    )
    size = int(found * factor) + around
    assert limit - max(0.025 * limit, factor + 1) <= size <= limit


def test_a_guess_that_is_right_is_not_repeated() -> None:
    budgets: list[int] = []

    def attempt(budget: int | None) -> int:
        if budget is None:
            return 10**6
        budgets.append(budget)
        return budget

    assert fit(attempt, lambda size: size, 100, 100) == 100
    assert budgets == [100]
