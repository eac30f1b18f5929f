"""A host with a broker that has objects of definitions."""

import base64
import json
import re
import sys
from unittest import mock

from agent import definitions, undefine

from .support import Atom, HostTest

MEMBERS = ("definitions", "--members", "mq1,mq2,mq3")
ONE_MEMBER = ("definitions", "--members", "mq1")
USERS = ("definition-users", "--members", "mq1,mq2,mq3")
LISTS = {kind[:-1] + "ies" if kind == "policy" else kind + "s": kind for kind in definitions.KEYS}
CHANGES = ("import_parsed", "rabbit_auth_backend_internal:set", "Actor", "set_global", "clear_global")


def line(kind, **fields):
    return "{} {}".format(kind, json.dumps(fields, sort_keys=True))


def whole(*lines):
    return "".join(each + "\n" for each in lines) + "end {}\n".format(len(lines))


def text_of(expression):
    return base64.b64decode(expression).decode()


def texts_in(expression):
    return [text_of(code) for code in re.findall(r'base64:decode\(<<"([^"]*)">>\)', expression)]


QUEUE = {"durable": True, "auto_delete": False, "arguments": {}}
POLICY = {"pattern": "^", "definition": {"max-length": 5}, "priority": 0, "apply-to": "all"}


def queue(name="orders", vhost="/", **more):
    return line("queue", name=name, vhost=vhost, **dict(QUEUE, **more))


def policy(name="short", vhost="/", **more):
    return line("policy", name=name, vhost=vhost, **dict(POLICY, **more))


def exchange(name, vhost="/"):
    return line("exchange", name=name, vhost=vhost, type="topic", durable=True, auto_delete=False, internal=False)


def binding(source, destination, vhost="/"):
    own = {"destination_type": "queue", "destination": destination, "routing_key": "k", "arguments": {}}
    return line("binding", vhost=vhost, source=source, **own)


SHOP = 'vhost {"metadata":{},"name":"shop"}'
APP = 'user {"name":"app","tags":[]}'

REMOVALS = {
    "clear_topic_permissions": "topic_permission",
    "clear_permissions": "permission",
    "clear_any": "parameter",
    "clear_global": "global_parameter",
    "rabbit_policy:delete": "policy",
    "Binding(": "binding",
}


class Definitions(HostTest):
    def broker(self, *lines, noted=()):
        """Makes a broker that has these objects. noted: those that the stack has made."""
        self.objects = {}
        self.used = {}
        self.own_limits = []
        self.spread = []
        self.vhosts_then = None
        for each in ('vhost {"name":"/","metadata":{"description":"","tags":[]}}', 'user {"name":"admin","tags":[]}'):
            self.have(each)
        for each in (*lines, *noted):
            self.have(each)
        self.noted = [definitions.Object(*each.split(" ", 1)).key for each in noted]
        self.on_question("rabbit_definitions:list_vhosts()", self.answer)
        self.on_question("parse_set", lambda call: self.spread.append(call) or [])
        self.on_question("Told = fun(ok)", self.remove)

    def have(self, text):
        kind, fields = text.split(" ", 1)
        each = definitions.Object(kind, fields)
        self.objects[each.key] = (kind, fields)

    def answer(self, call):
        if "import_parsed" in call.stdin or "set_tags" in call.stdin or "try begin" in call.stdin:
            self.change(call.stdin)
        rows = [
            (Atom(kind), [fields for known, fields in self.objects.values() if known == kind])
            for kind in definitions.KEYS
        ]
        vhosts = sorted(json.loads(fields)["name"] for kind, fields in self.objects.values() if kind == "vhost")
        return {
            Atom("note"): list(self.noted),
            Atom("own_limits"): self.own_limits,
            Atom("vhosts"): vhosts,
            Atom("vhosts_then"): vhosts if self.vhosts_then is None else self.vhosts_then,
            Atom("objects"): rows,
        }

    def change(self, text):
        note = re.search(r'set_global\(rabbitmq_ha_definitions, binary:split\(base64:decode\(<<"([^"]*)">>', text)
        if note:
            self.noted = text_of(note.group(1)).split("\n")
        elif "clear_global(rabbitmq_ha_definitions" in text:
            self.noted = []
        for plural, code in re.findall(r'<<"(\w+)">> => \[rabbit_json:decode.*?base64:decode\(<<"([^"]*)">>', text):
            for each in text_of(code).split("\n"):
                self.have("{} {}".format(LISTS[plural], each))
        for call in re.findall(r"set_tags\((.*?), <<", text):
            name, *tags = texts_in(call)
            self.have(line("user", name=name, tags=tags))

    def remove(self, call):
        """Removes what is free, as the broker does: what is inside goes with it, and what is not leaving counts."""
        leaving, calls = re.search(r"\nLeaving = \[(.*?)\],\n(\[.*)", call.stdin, re.S).groups()
        self.leaving = [self.key_of(each) for each in leaving.split(",\n") if each]
        said = []
        for what in re.findall(r"Try\(fun\(\) -> (?:Told\()?(.*?) end\)(?=[,\]])", calls, re.S):
            key = self.key_of(what)
            held = self.used.get(key) or self.held(key)
            if held and ", true)" not in what:
                said.append(held)
                continue
            self.objects.pop(key)
            for each in [each for each in self.objects if key in undefine._owners(self.object(each))]:
                del self.objects[each]
            said.append(Atom("gone"))
        return said

    def object(self, key):
        return definitions.Object(*self.objects[key])

    def held(self, key):
        kind, *_ = json.loads(key)
        if kind not in ("vhost", "exchange"):
            return None
        owned = [each for each in self.objects if each not in self.leaving and self.is_in(key, self.object(each))]
        used = [each for each in self.leaving if each in self.used and self.is_in(key, self.object(each))]
        if kind == "vhost" and used:
            return "queue {}: {}".format(json.loads(used[0])[2], self.used[used[0]])
        return "{}s: {}".format(json.loads(owned[0])[0], len(owned)) if owned else None

    @staticmethod
    def is_in(key, each):
        kind, *values = json.loads(key)
        if kind == "vhost":
            return "permission" not in each.kind and each.fields.get("vhost") == values[0]
        return each.kind == "binding" and key in undefine._owners(each)

    def key_of(self, what):
        values = texts_in(what)
        if what.startswith(("Queue", "Exchange", "Vhost", "User", "{")):
            kind = re.split("[(,]", what.lstrip("{"))[0].lower()
        else:
            kind = next(k for f, k in REMOVALS.items() if f in what)
        if kind == "binding":
            vhost, source, key, to, destination, arguments = values
            values = [vhost, source, to, destination, key]
            return definitions.jsontext.dumps([kind, *values, json.loads(arguments)])
        return definitions.jsontext.dumps([kind, *values])

    def names(self, kind):
        return sorted(json.loads(fields)["name"] for known, fields in self.objects.values() if known == kind)

    def given(self, *lines):
        return self.told(whole(*lines))

    def told(self, text):
        stdin = mock.patch.object(sys, "stdin", mock.Mock(read=lambda: text))
        stdin.start()
        self.addCleanup(stdin.stop)

    def changes(self):
        return [each for each in self.lines() if any(word in each for word in CHANGES)]
