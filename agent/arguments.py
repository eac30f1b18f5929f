"""Types of arguments."""


def listed(text):
    """A list: a,b,c; empty for none."""
    return [each for each in text.split(",") if each]
