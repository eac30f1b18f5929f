"""What a broker has of the objects of definitions, and the changes to them.

What the stack has made is noted in the cluster itself, as a global parameter: each member has the note, also after the
first broker's machine was replaced.
"""

from . import definitions, erlang, khepri, migration, queues, rabbitmq
from .errors import NoAnswer, StepError

PARAMETER = "rabbitmq_ha_definitions"
ACTOR = '<<"rabbitmq-ha">>'
PLURALS = {kind: kind[:-1] + "ies" if kind == "policy" else kind + "s" for kind in definitions.KEYS}

NOTED = """case rabbit_runtime_parameters:value_global({}) of not_found -> []; Known -> Known end""".format(PARAMETER)

# Each object is JSON by itself: one whose name or arguments are no UTF-8 cannot be named, and is left out. Queues come
# from their records, since RabbitMQ's own list lacks those of a broker that is down.
_LOOK = (
    khepri.FENCE
    + queues.EVERY
    + """
Form = fun Form([{_, _} | _] = L) -> maps:from_list([{K, Form(V)} || {K, V} <- L]);
  Form(L) when is_list(L) -> [Form(E) || E <- L];
  Form(M) when is_map(M) -> maps:map(fun(_, V) -> Form(V) end, M);
  Form(X) -> X
end,
Texts = fun(L) -> lists:append([try [iolist_to_binary(rabbit_json:encode(Form(E)))] catch _:_ -> [] end || E <- L]) end,
Hosts = lists:sort(rabbit_vhost:list_names()),
Queues = EveryQueue(Hosts),
Queue = fun(Q) ->
  {resource, V, queue, N} = amqqueue:get_name(Q),
  Type = case amqqueue:get_type(Q) of
    rabbit_classic_queue -> classic; rabbit_quorum_queue -> quorum; rabbit_stream_queue -> stream; T -> T
  end,
  #{<<"vhost">> => V, <<"name">> => N, <<"type">> => Type, <<"durable">> => amqqueue:is_durable(Q),
    <<"auto_delete">> => amqqueue:is_auto_delete(Q),
    <<"arguments">> => rabbit_misc:amqp_table(amqqueue:get_arguments(Q))}
end,
Exchange = fun(X) ->
  [{name, {resource, V, exchange, N}}, {arguments, Args} | Rest] =
    rabbit_exchange:info(X, [name, arguments, type, durable, auto_delete, internal]),
  maps:merge(maps:from_list([{atom_to_binary(K, utf8), E} || {K, E} <- Rest]),
    #{<<"vhost">> => V, <<"name">> => N, <<"arguments">> => rabbit_misc:amqp_table(Args)})
end,
Exchanges = rabbit_exchange:list(),
true = [] =/= [X || X <- Exchanges, [{name, {resource, <<"/">>, exchange, <<>>}}] =:= rabbit_exchange:info(X, [name])],
#{note => @noted@, own_limits => @own_limits@, vhosts => Hosts, vhosts_then => lists:sort(rabbit_vhost:list_names()), objects => [
  {vhost, Texts(rabbit_definitions:list_vhosts())},
  {user, Texts([maps:without([<<"password_hash">>, <<"hashing_algorithm">>], U)
    || U <- rabbit_definitions:list_users()])},
  {permission, Texts(rabbit_definitions:list_permissions())},
  {topic_permission, Texts(rabbit_definitions:list_topic_permissions())},
  {parameter, Texts([maps:from_list(P) || P <- rabbit_runtime_parameters:list(), is_list(P)])},
  {global_parameter, Texts([maps:from_list(P) || P <- rabbit_runtime_parameters:list_global()])},
  {policy, Texts([maps:from_list(P) || P <- rabbit_policy:list()])},
  {exchange, Texts([Exchange(X) || X <- Exchanges])},
  {queue, Texts([Queue(Q) || Q <- Queues, not is_pid(amqqueue:get_exclusive_owner(Q))])},
  {binding, Texts(rabbit_definitions:list_bindings())}]}
""".replace("@noted@", NOTED).replace("@own_limits@", migration.OWN_LIMITS)
)

_TRY = """
try begin @steps@ ok end of ok -> @look@
catch _:Reason -> {failed, iolist_to_binary(io_lib:format("~tp", [Reason]))}
end
"""

# RabbitMQ's own import makes objects side by side. It leaves a queue and an exchange that exist as they are. Its pool has
# one worker a processor (rabbit_definitions:boot), and a worker waits for the other brokers and their disks most of the
# time. More workers are started as the pool's supervisor starts its own, and stay until the broker stops: whoever ended
# one could end it with somebody else's object in hand. What is there already is not started again.
WORKERS = 16
_IMPORT = """
_ = [supervisor:start_child(definition_import_pool_sup, {N, {worker_pool_worker, start_link, [definition_import_pool]},
  transient, 16#ffffffff, worker, [worker_pool_worker]}) || N <- lists:seq(1, @workers@)],
ok = rabbit_definitions:import_parsed(#{@lists@}),
""".replace("@workers@", str(WORKERS))
_LIST = '<<"{}">> => [rabbit_json:decode(T) || T <- binary:split({}, <<"\\n">>, [global])]'

_METADATA = """
Update = fun(V, M) -> case erlang:function_exported(rabbit_vhost, update_metadata, 3) of
  true -> ok = rabbit_vhost:update_metadata(V, M, @actor@);
  false ->
    Change = fun(Old) -> maps:merge(Old, M) end,
    _ = rabbit_misc:execute_mnesia_transaction(fun() -> rabbit_vhost:update_metadata(V, Change) end), ok
end end,
""".replace("@actor@", ACTOR)


class Facts:
    """What a broker has. objects: by key. noted: the keys of what the stack has made.

    own_limits: by name each user's own limit of connections while a migration keeps everybody out; its object has that one.
    """

    def __init__(self, answer, name):
        vhosts = rabbitmq.field(answer, "vhosts", list)
        if vhosts != rabbitmq.field(answer, "vhosts_then", list):
            raise NoAnswer("virtual hosts come or go at this moment, so {} does not list all objects".format(name))
        rows = rabbitmq.field(answer, "objects", list)
        if "/" not in vhosts or [row[0] for row in rows] != list(definitions.KEYS) or not rows[1][1]:
            raise NoAnswer("{} does not list all objects".format(name))
        self.noted = rabbitmq.field(answer, "note", list)
        self.own_limits = migration.own_limits(rabbitmq.field(answer, "own_limits", list))
        self.objects = {}
        try:
            for kind, texts in rows:
                for text in texts:
                    each = definitions.Object(str(kind), text)
                    if kind == "user" and each.fields["name"] in self.own_limits:
                        own = self.own_limits[each.fields["name"]]
                        each.fields["limits"] = migration.without_it(each.fields.get("limits") or {}, own)
                    self.objects[each.key] = each
            known = {definitions.title_of(key) for key in self.noted}
        except (ValueError, KeyError, TypeError, AttributeError) as broken:
            raise NoAnswer("{} tells only a part of its objects: {}".format(name, broken))
        if any(not isinstance(title, str) for title in known):
            raise NoAnswer("the global parameter {} is not as it was set".format(PARAMETER))


def look(of):
    """Returns what a broker has. Raises NoAnswer unless the answer is whole."""
    return Facts(rabbitmq.evaluate(_LOOK, of=of, seconds=120), of)


def change(steps, of):
    """Runs Erlang expressions, each of which ends with a comma. Returns what the broker has then."""
    answer = rabbitmq.act(_TRY.replace("@steps@", " ".join(steps)).replace("@look@", _LOOK), of=of, seconds=480)
    if isinstance(answer, tuple) and answer and answer[0] == "failed":
        raise StepError("{} refuses a part of the definitions".format(of), log=str(answer[1]))
    return Facts(answer, of)


def note(keys):
    """Returns the expression that notes what the stack has made."""
    if not keys:
        return "_ = rabbit_runtime_parameters:clear_global({}, {}),".format(PARAMETER, ACTOR)
    return '_ = rabbit_runtime_parameters:set_global({}, binary:split({}, <<"\\n">>, [global]), {}),'.format(
        PARAMETER, _joined(keys), ACTOR
    )


def _joined(texts):
    return erlang.text("\n".join(texts))


def importing(objects):
    """Returns the expression that makes objects, and changes those that can be changed."""
    by_kind: dict = {}
    for each in objects:
        by_kind.setdefault(PLURALS[each.kind], []).append(each.text)
    lists = ", ".join(_LIST.format(name, _joined(texts)) for name, texts in by_kind.items())
    return _IMPORT.replace("@lists@", lists) if lists else ""


def metadata(vhosts):
    """Returns the expression that sets what is stated of virtual hosts."""
    calls = []
    for each in vhosts:
        known = {name: value for name, value in each.fields.items() if name != "name"}
        pairs = ["{} => {}".format(name, _metadata_value(name, value)) for name, value in known.items()]
        if pairs:
            calls.append("ok = Update({}, #{{{}}}),".format(erlang.text(each.fields["name"]), ", ".join(pairs)))
    return _METADATA + " ".join(calls) if calls else ""


def _metadata_value(name, value):
    if name == "tags":
        return erlang.atoms(value)
    return str(value).lower() if isinstance(value, bool) else erlang.text(value)


def user(wanted, actual):
    """Returns the expression that gives a user its tags and limits."""
    users, name = "rabbit_auth_backend_internal", erlang.text(wanted.fields["name"])
    calls = []
    for field in wanted.differs_from(actual):
        if field == "tags":
            calls.append("ok = {}:set_tags({}, {}, {}),".format(users, name, erlang.texts(wanted.fields[field]), ACTOR))
        elif field == "limits":
            calls.append('_ = {}:clear_user_limits({}, <<"all">>, {}),'.format(users, name, ACTOR))
            for limit, most in wanted.fields[field].items():
                calls.append(
                    "ok = {}:set_user_limits({}, #{{{} => {:d}}}, {}),".format(
                        users, name, erlang.text(limit), most, ACTOR
                    )
                )
    return " ".join(calls)
