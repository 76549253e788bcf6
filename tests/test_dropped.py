"""Connections that are dropped in every way: nothing of them is left."""

import sys

import programs
import pytest
from programs import count

LIMIT = 300.0
"""Seconds, for counts in full."""

pytestmark = pytest.mark.timeout(LIMIT + 20)


@pytest.mark.parametrize(
    ("kind", "number"), [("tcp", 10_000), ("unix", 10_000), ("tls", count(1_500, full=10_000))]
)
def test_of_ten_thousand_dropped_connections_nothing_is_left(kind: str, number: int) -> None:
    if kind == "tls" and sys.version_info < (3, 11):
        pytest.skip("asyncio's SSLProtocol was another one, which leaves connections open")
    ended = programs.run("dropped", kind, number, limit=LIMIT)
    assert (ended.code, ended.stdout, ended.stderr) == (0, "nothing is left\n", "")
