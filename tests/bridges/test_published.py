"""The tests that libraries publish of their bridges, run on ours."""

import faulthandler
import sys
from pathlib import Path

import pytest
from pace import scaled

sys.path.append(str(Path(__file__).parents[2] / "contract"))

from bridges.published import PUBLISHED, Published, run  # where it is is not known before


@pytest.mark.timeout(scaled(600))
@pytest.mark.parametrize("published", PUBLISHED, ids=[one.distribution for one in PUBLISHED])
def test_published_tests_of_a_bridge_pass_on_ours(published: Published) -> None:
    # Pytest's own alarm is set for tests that are quicker.
    faulthandler.cancel_dump_traceback_later()
    found = run(published)
    assert found.failed == 0, found.said
    assert found.passed >= published.passed, found.said
