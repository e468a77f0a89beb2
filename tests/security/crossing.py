"""A function for another process."""

MARKER = "argument-7f3a"


def echo(text: str) -> str:
    """Its argument."""
    return text
