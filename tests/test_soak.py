"""What the soak takes for growth."""

from soak.resources import ALLOWED, Resources, growth_over

STILL = dict.fromkeys(ALLOWED, 10)


def rounds(name: str, numbers: list[int]) -> list[Resources]:
    return [Resources(**STILL | {name: number}) for number in numbers]


class TestGrowth:
    def test_is_none_where_something_comes_and_goes(self) -> None:
        assert growth_over(rounds("threads", [3, 4, 4, 2, 4, 3, 3, 4, 4])) == {}

    def test_is_seen_where_each_round_leaves_one(self) -> None:
        assert growth_over(rounds("threads", [2, 3, 4, 5, 6, 7])) == {"threads": 3}

    def test_is_seen_over_two_rounds(self) -> None:
        assert growth_over(rounds("files", [8, 9])) == {"files": 1}

    def test_is_none_within_what_is_allowed(self) -> None:
        assert growth_over(rounds("objects", [1000, 1200, 1499])) == {}
