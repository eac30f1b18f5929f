"""/etc/hosts: the stack's names are in a block of their own; every other line stays as it is."""

import re

PATH = "/etc/hosts"
BEGIN = "# rabbitmq-ha: begin"
END = "# rabbitmq-ha: end"


def with_block(text, peers, full_names=None):
    """Returns the file with the block of the peers, (name, address) each, at its end.

    full_names: from a name to the one with its domain, which comes first on its line as the canonical one. The names are removed from all other lines: Debian's 127.0.1.1 breaks clustering.
    """
    names = {name for name, _ in peers}
    kept = [_without(line, names) for line in _others(text)]
    known = full_names or {}
    lines = [" ".join([address] + ([known[name]] if name in known else []) + [name]) for name, address in peers]
    block = [BEGIN] + lines + [END]
    return "".join(line + "\n" for line in [line for line in kept if line is not None] + block)


def full_name(text, name):
    """Returns the name with its domain that the block has for a name; None if it has none."""
    lines = text.split("\n")
    block = lines[lines.index(BEGIN) :] if BEGIN in lines else []
    return next((words[1] for words in map(str.split, block) if len(words) == 3 and words[2] == name), None)


def without_names(text, names):
    """Returns the lines outside the block without these names."""
    kept = [_without(line, set(names)) for line in _others(text)]
    return "".join(line + "\n" for line in kept if line is not None)


def without_block(text):
    return "".join(line + "\n" for line in _others(text))


def _others(text):
    """Returns the lines outside the block. Lines after a begin without an end may be anybody's, so they are kept."""
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    found = []
    while lines:
        line = lines.pop(0)
        if line == BEGIN:
            if END in lines:
                del lines[: lines.index(END) + 1]
        else:
            found.append(line)
    return found


def _without(line, names):
    """Returns a line without these names; None if no name is left on it."""
    if re.match(r"[ \t]*(#|$)", line):
        return line
    said, mark, comment = line.partition("#")
    words = said.split()
    left = [words[0]] + [word for word in words[1:] if word not in names]
    if len(left) == len(words):
        return line
    if len(left) < 2:
        return None
    return " ".join(left) + (" " + mark + comment if mark else "")
