/**
 * Asks a broker for its definitions, and gives it some, over SSH with RabbitMQ's own tool. So it needs no port but sshd's,
 * goes through a bastion, and no password is sent. Questions and definitions go by standard input.
 */
import { upToDate } from "../../hosts/khepri.ts";
import { isMapping } from "../../hosts/definition-objects.ts";
import { brokerHome } from "../../hosts/broker-paths.ts";
import {
  categories,
  DefinitionsError,
  type Definitions,
  type DefinitionObject,
  parseDefinitions,
} from "../../definitions/exported-definitions.ts";
import { type RemoteCommand, runOn } from "../../remote/ssh.ts";
import type { Login } from "../../verify/outputs.ts";
import { buildRootCommand } from "../root-command.ts";

const askSeconds = 60;
const giveSeconds = 300;

/** Some texts of Erlang use names that not every release has; they are looked up when they are called. */
const common = `
Get = fun(Key, List) -> proplists:get_value(Key, List) end,
Json = fun(Term) -> base64:encode(iolist_to_binary(rabbit_json:encode(Term))) end,
Hosts = fun() -> lists:sort(rabbit_vhost:list_names()) end,
Name = fun({resource, Host, _, Each}) -> {Host, Each} end,
Own = fun(Q) -> amqqueue:get_exclusive_owner(Q) =:= none end,
`;

/** What the question counts. */
const counted = ["vhosts", "users", "permissions", "policies", "exchanges", "queues", "bindings"] as const;

/**
 * The broker's own export, with what it lacks: in 3.x internal exchanges, and queues whose broker does not run. 3.8 to
 * 3.10 cannot export a set of federation upstreams, so there the parameters are listed one by one. Counted before and
 * after, by other functions than those that export.
 */
const question = `${upToDate}${common}
Queues = fun() -> [Q || V <- Hosts(), Q <- rabbit_amqqueue:list(V) ++ rabbit_amqqueue:list_down(V), Own(Q)] end,
Bare = fun(<<>>) -> false; (<<"amq.", _/binary>>) -> false; (_) -> true end,
Exchanges = fun() -> [I || V <- Hosts(), X <- rabbit_exchange:list(V),
  I <- [rabbit_exchange:info(X, [name, type, durable, auto_delete, internal, arguments])],
  Bare(element(2, Name(Get(name, I)))), Get(type, I) =/= 'x-federation-upstream'] end,
Count = fun() -> #{vhosts => length(Hosts()), users => length(rabbit_auth_backend_internal:list_users()),
  permissions => length(rabbit_auth_backend_internal:list_permissions()), policies => length(rabbit_policy:list()),
  exchanges => length(Exchanges()), queues => length(lists:usort([amqqueue:get_name(Q) || Q <- Queues()])),
  bindings => length(rabbit_binding:list_explicit())} end,
Before = Count(),
Parameters = try rabbit_definitions:list_runtime_parameters() catch error:_ ->
  [maps:from_list([{Key, Get(Key, P)} || Key <- [vhost, component, name, value]])
    || P <- rabbit_runtime_parameters:list(), is_list(P)] end,
Listed = [Q || Q <- rabbit_definitions:list_queues()],
Known = sets:from_list([{maps:get(<<"vhost">>, Q), maps:get(<<"name">>, Q)} || Q <- Listed]),
Type = fun(rabbit_classic_queue) -> classic; (rabbit_quorum_queue) -> quorum; (rabbit_stream_queue) -> stream; (T) -> T end,
Missed = [#{vhost => V, name => N, type => Type(amqqueue:get_type(Q)), durable => amqqueue:is_durable(Q),
    auto_delete => amqqueue:is_auto_delete(Q), arguments => rabbit_misc:amqp_table(amqqueue:get_arguments(Q))}
  || Q <- Queues(), {V, N} <- [Name(amqqueue:get_name(Q))], not sets:is_element({V, N}, Known)],
Internal = [#{vhost => V, name => N, type => Get(type, I), durable => Get(durable, I), auto_delete => Get(auto_delete, I),
    internal => true, arguments => rabbit_misc:amqp_table(Get(arguments, I))}
  || I <- Exchanges(), Get(internal, I) =:= true, {V, N} <- [Name(Get(name, I))]],
{ok, Version} = application:get_key(rabbit, vsn),
Definitions = #{rabbitmq_version => list_to_binary(Version),
  users => rabbit_definitions:list_users(), vhosts => rabbit_definitions:list_vhosts(),
  permissions => rabbit_definitions:list_permissions(), topic_permissions => rabbit_definitions:list_topic_permissions(),
  parameters => Parameters, global_parameters => rabbit_definitions:list_global_runtime_parameters(),
  policies => rabbit_definitions:list_policies(), queues => Listed ++ Missed,
  exchanges => [X || X <- rabbit_definitions:list_exchanges(), Bare(maps:get(<<"name">>, X))] ++ Internal,
  bindings => rabbit_definitions:list_bindings()},
Json(#{definitions => Definitions, before => Before, 'after' => Count()})`;

/** What does not go together is tried one by one, so that each failure has its name. */
const order = (): string => `${upToDate}${common}
Text = fun(E) when is_binary(E) -> E; (E) -> iolist_to_binary(io_lib:format("~0tp", [E])) end,
Try = fun(Category, Objects) ->
  try rabbit_definitions:apply_defs(#{rabbitmq_version => Version, Category => Objects}, <<"rabbitmq-ha">>) of
    ok -> ok;
    {error, E} -> {failed, E}
  catch
    _:E -> {failed, E}
  end
end,
Failed = fun(Category, Objects) ->
  [#{category => Category, index => I, reason => Text(E)}
    || {I, Object} <- lists:zip(lists:seq(0, length(Objects) - 1), Objects), {failed, E} <- [Try(Category, [Object])]]
end,
Json(lists:append([case Try(Category, Objects) of ok -> []; _ -> Failed(Category, Objects) end
  || Category <- Categories, Objects <- [maps:get(atom_to_binary(Category, utf8), Given)], Objects =/= []]))`;

/** An answer that is cut, or that does not agree with itself; the message says how. */
export class PartialAnswer extends Error {}

/** @returns what a broker has @throws SshError or PartialAnswer unless the answer is whole */
export async function askDefinitions(
  login: Login,
  signal?: AbortSignal,
): Promise<{ definitions: Definitions; text: string }> {
  return readAnswer(await evaluate(login, question, askSeconds, signal && { signal }));
}

/** @param answer what the broker has printed @throws PartialAnswer */
export function readAnswer(answer: string): { definitions: Definitions; text: string } {
  const { definitions: found, before, after } = readJson(answer) as Readonly<Record<string, unknown>>;
  const text = JSON.stringify(found);
  let definitions: Definitions;
  try {
    definitions = parseDefinitions(text);
  } catch (error) {
    if (!(error instanceof DefinitionsError)) throw error;
    throw new PartialAnswer(`the definitions are not whole: ${error.message}`);
  }
  if (!isMapping(before) || !isMapping(after))
    throw new PartialAnswer("the broker did not count its objects");
  for (const category of counted) {
    const [first, last, listed] = [before[category], after[category], definitions[category].length];
    if (typeof first !== "number" || typeof last !== "number")
      throw new PartialAnswer(`the broker did not count its ${category}`);
    if (first !== last)
      throw new PartialAnswer(
        `${category} come or go at this moment (${String(first)}, then ${String(last)}); run this again`,
      );
    if (first !== listed)
      throw new PartialAnswer(`the broker has ${String(first)} ${category}, and lists ${listed} of them`);
  }
  // No broker is without a virtual host, and no cluster of a stack without a user.
  for (const category of ["vhosts", "users"] as const)
    if (definitions[category].length === 0) throw new PartialAnswer(`the broker lists no ${category} at all`);
  return { definitions, text };
}

/** What a broker did not take, and its own words. */
export interface Refusal {
  readonly object: DefinitionObject;
  readonly reason: string;
}

/** Makes and changes objects. @returns those that the broker did not take */
export async function giveDefinitions(
  login: Login,
  objects: Definitions,
): Promise<readonly (Refusal & { readonly category: string })[]> {
  const given = Buffer.from(JSON.stringify(objects)).toString("base64");
  const known = `
Given = rabbit_json:decode(base64:decode(<<"${given}">>)),
Version = maps:get(<<"version">>, Given),
Categories = [${categories.join(", ")}],
`;
  const answer = readJson(await evaluate(login, known + order(), giveSeconds)) as {
    readonly category: (typeof categories)[number];
    readonly index: number;
    readonly reason: string;
  }[];
  return answer.map(({ category, index, reason }) => ({
    category,
    object: objects[category][index] ?? {},
    reason: withoutSecrets(reason, objects),
  }));
}

/** A broker's words may quote what it was given. */
function withoutSecrets(text: string, { users }: Definitions): string {
  const secrets = users.flatMap(({ password_hash: hash }) =>
    typeof hash === "string" && hash !== "" ? [hash] : [],
  );
  return secrets.reduce((words, secret) => words.replaceAll(secret, "***"), text);
}

/**
 * Evaluates an expression whose value is JSON in base 64.
 * @throws SshError or PartialAnswer unless the answer is whole
 */
export async function askJson(
  login: Login,
  expression: string,
  timeoutSeconds: number,
  signal?: AbortSignal,
): Promise<unknown> {
  return readJson(await evaluate(login, expression, timeoutSeconds, signal && { signal }));
}

/** A tool that runs, and waits for what it is asked. */
export interface StartedQuestion {
  /** The broker's. */
  readonly login: Login;
  /** As `askJson`; once. */
  ask(expression: string, timeoutSeconds: number): Promise<unknown>;
  /** Whether it has ended, and cannot be asked any more. */
  readonly isOver: boolean;
  /** Ends the tool if it has not been asked yet. */
  end(): void;
}

/** For how long it waits to be asked, and is not ended on its host. */
const startedSeconds = 120;
/** A host that is lost meanwhile is noticed after this time, and sooner while clients wait. */
const silentSeconds = 15;
const urgentSilentSeconds = 5;

/**
 * Starts RabbitMQ's tool before it is known what it will be asked: its start takes longer than most answers. It waits for the
 * end of its standard input, and one that ends without an expression does nothing.
 */
export function startQuestion(login: Login): StartedQuestion {
  const input = Promise.withResolvers<string>();
  const limit = new AbortController();
  const printed = evaluate(login, input.promise, startedSeconds, {
    signal: limit.signal,
    silentSeconds: urgentSilentSeconds,
  });
  let isAsked = false;
  let isOver = false;
  const end = (): void => {
    isOver = true;
  };
  // Whoever asks hears of a failure.
  printed.then(end, end);
  return {
    login,
    get isOver() {
      return isOver;
    },
    ask: async (expression, timeoutSeconds) => {
      isAsked = true;
      input.resolve(expression);
      const timer = setTimeout(() => limit.abort(), timeoutSeconds * 1000);
      try {
        return readJson(await printed);
      } finally {
        clearTimeout(timer);
      }
    },
    end: () => {
      if (!isAsked) limit.abort();
    },
  };
}

/** @param printed a binary in base 64, as Erlang writes it: in one or several pieces */
function readJson(printed: string): unknown {
  const whole = /^\s*<<((?:"[A-Za-z0-9+/=]*"[\s,]*)+)>>\s*$/.exec(printed)?.[1];
  if (whole === undefined) throw new PartialAnswer("the broker's answer is cut");
  const pieces = [...whole.matchAll(/"([^"]*)"/g)].map(([, piece = ""]) => piece);
  try {
    return JSON.parse(Buffer.from(pieces.join(""), "base64").toString("utf8"));
  } catch {
    throw new PartialAnswer("the broker's answer is cut");
  }
}

/**
 * The tool itself is called as the user rabbitmq, not the packages' wrappers: those of 3.12 and newer pass no standard
 * input on.
 */
async function evaluate(
  login: Login,
  expression: string | Promise<string>,
  timeoutSeconds: number,
  options: Pick<RemoteCommand, "signal" | "silentSeconds"> = {},
): Promise<string> {
  const script = [
    `cd ${brokerHome} &&`,
    `exec timeout -k 5 ${timeoutSeconds - 5} runuser -u rabbitmq --`,
    `env HOME=${brokerHome} LANG=C.UTF-8 LC_ALL=C.UTF-8 /usr/lib/rabbitmq/bin/rabbitmqctl eval`,
  ].join(" ");
  return runOn(login, {
    command: buildRootCommand(login, script),
    input: Promise.resolve(expression).then((text) => `${text.trim()}.\n`),
    timeoutSeconds,
    silentSeconds,
    ...options,
  });
}
