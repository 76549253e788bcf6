"""Tests that may fail on our loop, each with the reason why what it asserts is not behaviour.

A test id, without the package's name, to its reason.
"""

EXCLUSIONS: dict[str, str] = {}


def reason(test: str) -> str | None:
    """Why this test may fail, if it may."""
    return EXCLUSIONS.get(test.removeprefix("test.test_asyncio."))
