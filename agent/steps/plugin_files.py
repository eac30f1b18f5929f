"""Puts the plug-ins' archives that the configuration lists on this host, and removes those of before.

The list comes on standard input, one a line: the SHA-256 and the URL, and a last line. Files of others stay. Nothing is changed unless
all can be fetched.
"""

import sys

from .. import enabled_plugins, fetch, files, fingerprint, host, plugin_files
from ..arguments import listed
from ..errors import StepError

TIMEOUT_SECONDS = 1800

LOG = "/var/log/rabbitmq-ha-plugin-files.log"
DOWNLOADS = "plugin-files"
END = "end"


def arguments(parser):
    parser.add_argument("--plugins", type=listed, help="the plug-ins that the broker shall run")
    parser.add_argument("--proxy", default="", metavar="URL", help="the HTTP proxy to fetch them through")
    parser.add_argument("--remove", action="store_true", help="all go; none of them may be enabled")


def run(wanted):
    given = {} if wanted.remove else _given(sys.stdin.read())
    former = plugin_files.noted()
    _refuse_needed(former, given, enabled_plugins.names() if wanted.remove else wanted.plugins or [])
    theirs = _refuse_others(former, given)
    sums = {name: total for name, (total, _) in given.items() if name not in theirs}
    was_read = fingerprint.is_read()
    # Noted before they are there, so that a killed run leaves none that is nobody's.
    missing = [name for name in sums if not plugin_files.has(name, sums[name])]
    contents = _fetched(missing, given, wanted.proxy)
    plugin_files.note(dict(former, **sums))
    for name in missing:
        files.write(plugin_files.FOLDER + "/" + name, contents[name])
    for name in former:
        if name not in sums:
            plugin_files.remove(name, former[name])
    plugin_files.note(sums)
    if was_read and not _is_other_code(former, sums):
        # A plug-in that comes or goes needs no restart.
        fingerprint.note()


def _given(text):
    """Returns (SHA-256, URL) by the name of the file."""
    *lines, last = text.splitlines() or [""]
    if not lines or last != END:
        # A broken connection also ends the input.
        raise StepError("{}: the list of plug-ins' files did not come whole on standard input".format(host.name()))
    found = {}
    for line in lines:
        total, url = line.split(" ", 1)
        found[url.split("?")[0].rsplit("/", 1)[-1]] = (total, url)
    return found


def _refuse_needed(former, given, plugins):
    """Refuses to remove the file of a plug-in that shall run."""
    brought = {plugin_files.plugin_of(name) for name in given}
    for name in former:
        plugin = plugin_files.plugin_of(name)
        if plugin in plugins and plugin not in brought:
            raise StepError(
                "{}: the file of the plug-in {} is no longer in rabbitmq.pluginFiles, and the plug-in is enabled".format(
                    host.name(), plugin
                ),
                "Remove it from rabbitmq.plugins too, or list its file again.",
            )


def _refuse_others(former, given):
    """Returns the files that others have put there already. Refuses other ones with the same plug-ins."""
    others = plugin_files.of_others(former)
    same = {name for name in given if name in others and plugin_files.has(name, given[name][0])}
    brought = {plugin_files.plugin_of(name) for name in given}
    for name in others:
        if others[name] in brought and name not in same:
            raise StepError(
                "{}: {}/{} is not the program's, and has the plug-in {} of rabbitmq.pluginFiles too".format(
                    host.name(), plugin_files.FOLDER, name, others[name]
                ),
                "Remove it, or the plug-in's line in rabbitmq.pluginFiles.",
            )
    return same


def _fetched(names, given, proxy):
    """Returns the contents of these files, each with the stated SHA-256."""
    if not names:
        return {}
    folder = fetch.empty_folder(DOWNLOADS)
    try:
        files.write(LOG, "")
        contents = {}
        for name in names:
            total, url = given[name]
            path = folder + "/" + name
            fetch.Download(name, url, total, "rabbitmq.pluginFiles").fetch(path, LOG, proxy, "changed")
            contents[name] = files.read_exactly(path)
        return contents
    finally:
        fetch.remove_folder(DOWNLOADS)


def _is_other_code(former, sums):
    """Whether a plug-in has another file than before."""
    before = {plugin_files.plugin_of(name): total for name, total in former.items()}
    now = {plugin_files.plugin_of(name): total for name, total in sums.items()}
    return any(plugin in before and before[plugin] != now[plugin] for plugin in now)
