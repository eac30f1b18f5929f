"""Runs other programs, for questions and for actions, each with a time limit.

`ask` is for a question, `do` for a change. At the deadline both end the program's whole process group, both raise an
error on failure, and neither lets a program use this program's standard input or output.
"""

import os
import signal
import subprocess
import threading

from . import clock, host
from .errors import NoAnswer, Silence, StepError

# The environment of the programs: a locale in which every name can be written, and messages in English.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
QUESTION_SECONDS = 60
ACTION_SECONDS = 300


def complete_path(text):
    """Returns a PATH with the system's folders: a user's own may lack sbin, and sudo may keep it as it is."""
    folders = [folder for folder in text.split(os.pathsep) if folder]
    return os.pathsep.join(folders + [folder for folder in PATH.split(os.pathsep) if folder not in folders])


class Result:
    """The exit code and the output of a program that has ended."""

    def __init__(self, words, code, output, errors):
        self.words = list(words)
        self.code = code
        self.output = output
        self.errors = errors

    def log(self):
        return (self.errors.strip() + "\n" + self.output.strip()).strip()


class Timeout(Exception):
    """A program did not end in time and was stopped."""

    def __init__(self, words, seconds):
        super().__init__("{} was not done after {:.0f} s and was stopped".format(shown(words), seconds))


def shown(words):
    """Returns a command as one short line, for a message."""
    text = " ".join(words).replace("\n", " ")
    return text if len(text) <= 120 else text[:117] + "..."


def environment(extra=None):
    values = {key: os.environ[key] for key in ("PATH", "TERM") if key in os.environ}
    values.setdefault("PATH", PATH)
    values.update({"LC_ALL": "C.UTF-8", "LANG": "C.UTF-8", "HOME": "/root"})
    values.update(extra or {})
    return values


def execute(words, stdin="", seconds=QUESTION_SECONDS, user=None, extra=None, log=None, cwd="/"):
    """Runs a program until it ends, with whatever exit code.

    user: (uid, gid) to run it as. log: a path that receives the output instead of the result.
    Raises Timeout if it does not end in time, OSError if it cannot be started.
    """

    seconds = clock.left(seconds)
    if user is not None:
        # setpriv is replaced by the program itself, so that no process in between can outlive it.
        become = ["setpriv", "--reuid={}".format(user[0]), "--regid={}".format(user[1]), "--clear-groups", "--"]
        words = become + list(words)
    file = open(host.path(log), "ab") if log else None  # noqa: SIM115 (the process has it, too)
    sink = subprocess.PIPE if file is None else file
    try:
        process = subprocess.Popen(
            list(words),
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=sink,
            stderr=subprocess.STDOUT if log else subprocess.PIPE,
            env=environment(extra),
            cwd=cwd,
            start_new_session=True,
        )
    finally:
        if file is not None:
            file.close()
    try:
        output, errors = process.communicate(stdin.encode() if stdin else None, timeout=seconds)
    except subprocess.TimeoutExpired:
        _end(process)
        raise Timeout(words, seconds)
    except BaseException:
        _end(process)
        raise
    return Result(words, process.returncode, _text(output), _text(errors))


def _text(data):
    return (data or b"").decode("utf-8", "replace")


def _end(process):
    """Ends a process and all that it has started, so that none of them keeps one of our pipes open."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except OSError:
            break
        try:
            process.wait(timeout=3)
        except subprocess.TimeoutExpired:
            continue
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            stream.close()
    process.poll()


def ask(words, **options):
    """Returns the answer to a question. Raises NoAnswer if the program fails, hangs or does not exist."""
    return answer(words, **options).output


def answer(words, codes=(0,), **options):
    """Returns the result of a question. Raises NoAnswer unless its exit code is one of those that are an answer."""
    try:
        result = execute(words, **options)
    except Timeout as late:
        raise Silence(str(late))
    except OSError as missing:
        raise NoAnswer("{} cannot be run: {}".format(words[0], missing.strerror or missing))
    if result.code not in codes:
        raise Silence("{} ended with {}".format(shown(words), result.code), log=result.log())
    return result


def holds(words, yes=0, no=1, **options):
    """Asks a question whose answer is an exit code. Raises NoAnswer for a code that means neither yes nor no."""
    denials = no if isinstance(no, tuple) else (no,)
    return answer(words, (yes, *denials), **options).code == yes


def do(words, **options):
    """Runs an action. Raises StepError if it fails."""
    options.setdefault("seconds", ACTION_SECONDS)
    result = attempt(words, **options)
    if result.code != 0:
        raise StepError("{} ended with {}".format(shown(words), result.code), log=result.log())
    return result.output


def attempt(words, **options):
    """Runs an action whose exit code the caller checks. Raises StepError if it hangs or does not exist."""
    options.setdefault("seconds", ACTION_SECONDS)
    try:
        return execute(words, **options)
    except Timeout as late:
        raise StepError(str(late))
    except OSError as missing:
        raise StepError("{} cannot be run: {}".format(words[0], missing.strerror or missing))


def side_by_side(tasks):
    """Runs functions at the same time. Returns their results in order; an exception takes its result's place."""
    results: list = [None] * len(tasks)

    def work(index, task):
        try:
            results[index] = task()
        except Exception as failure:  # is looked at by who asked
            results[index] = failure

    threads = [threading.Thread(target=work, args=pair, daemon=True) for pair in enumerate(tasks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
