"""Something sync."""

LIMIT = 5


def shout(text: str) -> str:
    return text.upper()
