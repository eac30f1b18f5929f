"""The stack's policy in every virtual host, and the default type of the queues there.

What the stack has set is noted in the cluster itself, as a global parameter: each member has the note, also after the
first broker's machine was replaced. In `/` the policy of a noted name is the stack's. In another virtual host it is
only as long as it is, to the letter, one of the noted texts; any other policy of that name is somebody else's and stays.
"""

from . import erlang, khepri, rabbitmq
from .errors import NoAnswer, StepError

VHOST = "/"
PARAMETER = "rabbitmq_ha_policies"

# In the note a text is a list of pairs. The last one is what is wanted, the others were; an empty last one: nothing is.
# Without Khepri's tables in memory its lists are empty.
_COMMON = """
Khepri = @khepri@,
IsThere = fun(Table) -> ets:info(Table, size) =/= undefined end,
true = not Khepri orelse (IsThere(rabbit_khepri_vhost) andalso
  lists:any(IsThere, [rabbit_khepri_per_vhost_rtparam, rabbit_khepri_runtime_parameters])),
Get = fun(Key, Pairs) -> proplists:get_value(Key, Pairs) end,
Note = case rabbit_runtime_parameters:value_global(rabbitmq_ha_policies) of not_found -> []; Known -> Known end,
Is = fun(P, Text) ->
  Get(name, P) =:= Get(<<"name">>, Text) andalso Get(pattern, P) =:= Get(<<"pattern">>, Text) andalso
  Get('apply-to', P) =:= Get(<<"apply-to">>, Text) andalso Get(priority, P) =:= 0 andalso
  maps:from_list(Get(definition, P)) =:= rabbit_json:decode(Get(<<"definition">>, Text))
end,
HasType = erlang:function_exported(vhost, get_default_queue_type, 1),
TypeOf = fun(V) ->
  Type = case HasType of true -> vhost:get_default_queue_type(rabbit_vhost:lookup(V)); false -> undefined end,
  case lists:member(Type, [undefined, <<>>, <<"undefined">>]) of true -> undefined; false -> iolist_to_binary([Type]) end
end,
""".replace("@khepri@", khepri.IS_ENABLED)

# Policies come and go at any time; virtual hosts that do so meanwhile make the answer a partial one.
_LOOK = (
    khepri.FENCE
    + _COMMON
    + """
Text = @text@,
Hosts = lists:sort(rabbit_vhost:list_names()),
Seen = [{N, case rpc:call(N, rabbit_policy, list, [], 30000) of
  List when is_list(List) -> [{Get(vhost, P), Get(name, P), Is(P, Text)} || P <- List];
  Reason -> {silent, iolist_to_binary(io_lib:format("~0p", [Reason]))}
end} || N <- @nodes@],
#{note => Note, vhosts => Hosts, seen => Seen, vhosts_then => lists:sort(rabbit_vhost:list_names())}
"""
)

# Does something, and says that it is done or why not.
_TRY = """
Try = fun(Do, Done) -> try Do() of
    ok -> Done;
    {ok, _} -> Done;
    Failed -> {failed, iolist_to_binary(io_lib:format("~0p", [Failed]))}
  catch _:Failed -> {failed, iolist_to_binary(io_lib:format("~0p", [Failed]))}
  end
end,
"""

# `set` and `same` are the stack's, `other` is somebody else's. The policy of `/` is set before, by rabbitmqctl.
_SPREAD = (
    khepri.FENCE
    + _COMMON
    + _TRY
    + """
Wanted = case Note of [] -> []; _ -> lists:last(Note) end,
Set = fun(V) -> Try(fun() ->
  rabbit_policy:parse_set(V, Get(<<"name">>, Wanted), Get(<<"pattern">>, Wanted), Get(<<"definition">>, Wanted), 0,
    Get(<<"apply-to">>, Wanted), <<"rabbitmq-ha">>) end, set)
end,
Place = fun(<<"/">>) -> same; (V) ->
  Own = [P || P <- rabbit_policy:list(V), Get(name, P) =:= Get(<<"name">>, Wanted)],
  case Own of
    [] -> Set(V);
    [P] ->
      case {Is(P, Wanted), [T || T <- Note, T =/= [], Get(<<"pattern">>, T) =/= undefined, Is(P, T)]} of
        {true, _} -> same;
        {false, []} -> other;
        _ -> Set(V)
      end
  end
end,
Type = Get(<<"queue-type">>, Wanted),
SetType = fun(V) -> Try(fun() ->
  case erlang:function_exported(rabbit_vhost, update_metadata, 3) of
    true -> rabbit_vhost:update_metadata(V, #{default_queue_type => Type}, <<"rabbitmq-ha">>);
    false ->
      Change = fun(M) -> M#{default_queue_type => Type} end,
      _ = rabbit_misc:execute_mnesia_transaction(fun() -> rabbit_vhost:update_metadata(V, Change) end),
      ok
  end end, set)
end,
Former = [Get(<<"queue-type">>, T) || T <- Note],
PlaceType = fun(V) ->
  case TypeOf(V) of
    Type -> same;
    undefined when Type =:= <<"classic">> -> same;
    undefined -> SetType(V);
    Now ->
      case {lists:member(Now, Former), Type, V} of
        {true, _, _} -> SetType(V);
        {_, <<"classic">>, _} -> same;
        {_, _, <<"/">>} -> SetType(V);
        _ -> other
      end
  end
end,
case Wanted of
  [] -> [];
  _ -> [{V, Place(V), case HasType of true -> PlaceType(V); false -> same end} || V <- rabbit_vhost:list_names()]
end
"""
)

_REMOVE = (
    khepri.FENCE
    + _COMMON
    + _TRY
    + """
Texts = [T || T <- Note, lists:member(Get(<<"name">>, T), @names@)],
[{V, Get(name, P), Try(fun() -> rabbit_policy:delete(V, Get(name, P), <<"rabbitmq-ha">>) end, cleared)}
  || V <- rabbit_vhost:list_names(), P <- rabbit_policy:list(V), lists:member(Get(name, P), @names@),
     V =:= <<"/">> orelse lists:any(fun(T) -> Get(<<"pattern">>, T) =/= undefined andalso Is(P, T) end, Texts)]
"""
)

# Whether this broker is the one that has to set the policy in another virtual host than `/`. One broker does it: the
# first of those that run.
MISSING = (
    _COMMON
    + """
case Note =/= [] andalso lists:last(Note) of
  Wanted when Wanted =:= false; Wanted =:= [] -> false;
  Wanted ->
    Have = [Get(vhost, P) || P <- rabbit_policy:list(), Get(name, P) =:= Get(<<"name">>, Wanted)],
    WantsType = HasType andalso Get(<<"queue-type">>, Wanted) =/= <<"classic">>,
    node() =:= lists:min(rabbit_nodes:all_running()) andalso
      lists:any(fun(V) -> not lists:member(V, Have) orelse (WantsType andalso TypeOf(V) =:= undefined) end,
        rabbit_vhost:list_names() -- [<<"/">>])
end
"""
)

_KEYS = ("name", "pattern", "definition", "apply-to", "queue-type")


def text(name, pattern=None, definition=None, apply_to="all", queue_type="classic"):
    """Returns a text of the note. One without a pattern is of a release that noted the name alone."""
    return {"name": name, "pattern": pattern, "definition": definition, "apply-to": apply_to, "queue-type": queue_type}


class Facts:
    """What a member says.

    noted: the texts, the wanted one last. vhosts: all virtual hosts. seen: by member that answers, by (virtual host, name):
    whether that policy is the wanted one to the letter.
    """

    def __init__(self, answer, member, names):
        vhosts = rabbitmq.field(answer, "vhosts", list)
        if vhosts != rabbitmq.field(answer, "vhosts_then", list):
            raise NoAnswer("virtual hosts come or go at this moment, so {} does not list them all".format(member))
        if VHOST not in vhosts:
            raise NoAnswer("{} does not list the virtual host {}".format(member, VHOST))
        rows = rabbitmq.field(answer, "seen", list)
        if len(rows) != len(names):
            raise NoAnswer("{} does not say which policies there are".format(member))
        self.vhosts = vhosts
        self.noted = [_text(pairs) for pairs in rabbitmq.field(answer, "note", list) if pairs]
        self.seen = {
            rabbitmq.short(node): {(vhost, name): right for vhost, name, right in found}
            for node, found in rows
            if isinstance(found, list)
        }
        if member not in self.seen:
            raise NoAnswer("{} does not list its policies".format(member))


def _text(pairs):
    found = dict(pairs)
    if "name" not in found:
        raise NoAnswer("the global parameter {} is not as it was set".format(PARAMETER), "clear it, and run this again")
    return {key: found.get(key) for key in _KEYS}


def look(wanted, member, others=()):
    """Returns what a member says, and which policies it and others list. Raises NoAnswer unless that is complete."""
    names = [member] + [name for name in others if name != member]
    question = _LOOK.replace("@text@", _source(wanted)).replace(
        "@nodes@", erlang.atoms(rabbitmq.node(name) for name in names)
    )
    return Facts(rabbitmq.evaluate(question, of=member), member, names)


def note(texts, of, wants=True):
    """Notes these texts. wants: whether the last of them is wanted."""
    rabbitmq.act("{}, ok".format(_noting(texts, wants)), of=of)


def _noting(texts, wants=True):
    if not texts:
        # What is no longer there need not be cleared.
        return '_ = rabbit_runtime_parameters:clear_global({}, <<"rabbitmq-ha">>)'.format(PARAMETER)
    value = ", ".join([_source(each) for each in texts] + ([] if wants else ["[]"]))
    return '_ = rabbit_runtime_parameters:set_global({}, [{}], <<"rabbitmq-ha">>)'.format(PARAMETER, value)


def _source(pairs):
    known = [(key, pairs[key]) for key in _KEYS if pairs[key] is not None]
    return "[{}]".format(", ".join('{{<<"{}">>, {}}}'.format(key, erlang.text(value)) for key, value in known))


def spread(texts=(), of=None):
    """Sets the noted policy, and the queues' default type, wherever that is missing or was the stack's.

    texts: what to note before, if anything.
    Returns (the virtual hosts in which something was set, those with somebody else's policy of that name, those with
    another default type). Raises StepError if one does not take it.
    """
    rows = rabbitmq.act((_noting(texts) + "," if texts else "") + _SPREAD, of=of)
    if not isinstance(rows, list):
        raise NoAnswer("a broker does not say where it has set the policy")
    failed = ["{}: {}".format(vhost, what[1]) for vhost, *both in rows for what in both if isinstance(what, tuple)]
    if failed:
        raise StepError("the policy was not set in every virtual host", log="\n".join(failed))
    return (
        [vhost for vhost, *both in rows if "set" in both],
        [vhost for vhost, policy, _ in rows if policy == "other" and vhost != VHOST],
        [vhost for vhost, _, kind in rows if kind == "other"],
    )


def remove(names, of, seen):
    """Clears the policies of these names where they are the stack's. seen: the places of policies as a member lists them.

    Raises StepError if one is not cleared, and NoAnswer if the broker does not say so of one that is seen in `/`.
    """
    rows = rabbitmq.act(_REMOVE.replace("@names@", erlang.texts(names)), of=of)
    if not isinstance(rows, list) or not all(isinstance(row, tuple) and len(row) == 3 for row in rows):
        raise NoAnswer("{} does not say which policies it has cleared".format(of))
    failed = ["{} in {}: {}".format(name, vhost, _reason(said)) for vhost, name, said in rows if said != "cleared"]
    if failed:
        raise StepError("{} has not cleared every policy".format(of), "Run this again.", "\n".join(failed))
    unsaid = [name for name in names if (VHOST, name) in seen and (VHOST, name, "cleared") not in rows]
    if unsaid:
        raise NoAnswer("{} does not say that it has cleared {}".format(of, ", ".join(unsaid)), "Run this again.")


def _reason(said):
    return said[-1] if isinstance(said, tuple) else said
