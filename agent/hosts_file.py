"""/etc/hosts: the stack's names in a block of their own; every other line stays as it is."""

import re

PATH = "/etc/hosts"
BEGIN = "# rabbitmq-ha: begin"
END = "# rabbitmq-ha: end"


def with_block(text, peers):
    """The file with the block of the peers, (name, address) each, at its end.

    Lines that say otherwise of these names lose them: Debian's 127.0.1.1 breaks clustering.
    """
    names = {name for name, _ in peers}
    kept = [_without(line, names) for line in _others(text)]
    block = [BEGIN] + ["{} {}".format(address, name) for name, address in peers] + [END]
    return "".join(line + "\n" for line in [line for line in kept if line is not None] + block)


def without_block(text):
    return "".join(line + "\n" for line in _others(text))


def _others(text):
    """The lines outside the block. A block that has no end is none: what comes after its begin may be anybody's."""
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
    """A line without these names; None where no name is left of it."""
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
