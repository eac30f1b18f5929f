"""Argument types for the command line."""


def listed(text):
    """Parses a list such as a,b,c; an empty text is an empty list."""
    return [each for each in text.split(",") if each]
