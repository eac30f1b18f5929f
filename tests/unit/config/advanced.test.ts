/** The user's own part of advanced.config. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, faults, refuses } from "./draft.ts";

const read = (text: string): unknown => parseConfig(draft({ "rabbitmq.advanced": text })).rabbitmq.advanced;

const refusesTerms = (text: string, ...messages: readonly string[]): void =>
  refuses(
    { "rabbitmq.advanced": text },
    messages.map((message) => `rabbitmq.advanced: ${message}`),
  );

test("is empty by default, and from an empty text or list", () => {
  assert.deepEqual(parseConfig(draft()).rabbitmq.advanced, []);
  for (const text of ["", " \n", "[].", "%% nothing\n[ ] .\n"]) assert.deepEqual(read(text), []);
});

test("takes the settings of each application apart, without comments", () => {
  const text = `%% ours, with a ] and a "
[
  {rabbit, [{consumer_timeout, undefined}, % for ever
            {'odd-key', <<"}, \\" %">>}
  ]},
  {'rabbitmq_auth_backend_ldap', [
    {vhost_access_query, {in_group, "ou=\${vhost}-users,dc=example,dc=org"}}, %% {gone, 1},
    {tag_queries, [{administrator, {constant, false}},
                   %% the others
                   {management, {constant, true}}]}
  ]},
  {kernel, [{inet_dist_listen_min, 25672}, {logger_level, info}]},
  {odd, [{a, $"}, {b, $\\]}, {c, 16#ff}, {d, -1.5e-3}, {e, #{f => 'G {'}}, {g, "it's"}]}
].`;
  assert.deepEqual(read(text.replaceAll("\n", "\r\n")), [
    { name: "rabbit", settings: ["{consumer_timeout, undefined}", `{'odd-key', <<"}, \\" %">>}`] },
    {
      name: "rabbitmq_auth_backend_ldap",
      settings: [
        '{vhost_access_query, {in_group, "ou=${vhost}-users,dc=example,dc=org"}}',
        "{tag_queries, [{administrator, {constant, false}},\n                   {management, {constant, true}}]}",
      ],
    },
    { name: "kernel", settings: ["{inet_dist_listen_min, 25672}", "{logger_level, info}"] },
    {
      name: "odd",
      settings: ['{a, $"}', "{b, $\\]}", "{c, 16#ff}", "{d, -1.5e-3}", "{e, #{f => 'G {'}}", `{g, "it's"}`],
    },
  ]);
});

const wrong: Readonly<Record<string, string>> = {
  "[{rabbit, [{a, 1}]}]": "line 1: no dot at the end; write it behind the last ]",
  "[{rabbit, [\n {a, [1}]}].": "line 2: the [ is not closed; write ] where it ends",
  "[{rabbit,\n[{a, 1}]}.\n": "line 1: the [ is not closed; write ] where it ends",
  "[{rabbit, [{a, <<1}]}].": "line 1: the << is not closed; write >> where it ends",
  "[{rabbit, [": "line 1: the [ is not closed; write ] where it ends",
  "[{rabbit, []}]].": "line 1: the ] closes nothing; remove it",
  '[{rabbit, [\n{a, "b},\n{c, "d"}]}].': 'line 2: a " that is not closed on its line; close it',
  "[{rabbit, [{a, 'b}]}].": "line 1: a ' that is not closed on its line; close it",
  "[{rabbit, [{a, 1},\n]}].": "line 2: a comma before the ]; remove it",
  "[{rabbit, [,{a, 1}]}].": "line 1: a comma behind the [; remove it",
  "[{rabbit, [{a,, 1}]}].": "line 1: a comma behind the ,; remove it",
  "[].\n\n[].": "line 3: more than one term; write one list, with one dot behind it",
  "{rabbit, []}.": "line 1: not one list; write [{APPLICATION, [{KEY, VALUE}]}]. with your own",
  "consumer_timeout = 1 .": "line 1: not one list; write [{APPLICATION, [{KEY, VALUE}]}]. with your own",
  "[]\n[].": "line 1: not one list; write [{APPLICATION, [{KEY, VALUE}]}]. with your own",
  "[{rabbit, [{a, 1}]}\n {b, []}].":
    "line 1: not an application with its settings; write {NAME, [{KEY, VALUE}]}, and a comma before the next one",
  "[{rabbit, {a, 1}}].":
    "line 1: not an application with its settings; write {NAME, [{KEY, VALUE}]}, and a comma before the next one",
  "[{Rabbit, []}].":
    "line 1: not an application with its settings; write {NAME, [{KEY, VALUE}]}, and a comma before the next one",
  "[{rabbit, [\n{a, 1, 2}]}].":
    "line 2: not a setting of rabbit; write {KEY, VALUE}, and a comma before the next one",
  "[{rabbit, [{a, 1}\n{b, 2}]}].":
    "line 1: not a setting of rabbit; write {KEY, VALUE}, and a comma before the next one",
  "[{rabbit, [a]}].": "line 1: not a setting of rabbit; write {KEY, VALUE}, and a comma before the next one",
  "[{rabbit, []},\n{'rabbit', []}].": "line 2: rabbit is there a second time; write it once",
  "[{rabbit, [{a, 1},\n{'a', 2}]}].": "line 2: a of rabbit is there a second time; write it once",
  "[{rabbit, [{a, \u0007}]}].": "has control characters; write it without",
};

for (const [text, message] of Object.entries(wrong)) {
  test(`refuses ${JSON.stringify(text)}`, () => {
    refusesTerms(text, message);
  });
}

test("refuses what is no text", () => {
  refuses({ "rabbitmq.advanced": { rabbit: {} } }, [
    "rabbitmq.advanced: not a text; write the content of an advanced.config behind a |",
  ]);
});

test("refuses what the program writes or reads itself, and names the key to write", () => {
  refusesTerms(
    "[{kernel, [{net_ticktime, 60}, {net_setuptime, 7}]}].",
    "line 1: net_ticktime of kernel: the program writes it itself; remove it, and write rabbitmq.netTickTime; " +
      "line 1: net_setuptime of kernel: the program writes it itself; remove it, and write rabbitmq.netTickTime",
  );
  refusesTerms(
    "[{kernel, [{inet_dist_listen_min, 25672},\n{inet_dist_listen_max, 25700}]}].",
    "line 2: inet_dist_listen_max of kernel: the brokers already reach each other at one port, 25672, which the firewalls open; remove it",
  );
  const refusedTerms = `osiris port_range, kernel inet_dist_use_interface, rabbit cluster_nodes, rabbit cluster_formation, rabbit tcp_listeners,
    rabbit ssl_listeners, rabbit default_user, rabbit default_pass, rabbit default_vhost, rabbit load_definitions,
    rabbit definitions, rabbit cluster_name, rabbit cluster_partition_handling, rabbit vm_memory_high_watermark,
    rabbit disk_free_limit, rabbit auth_backends, rabbit log, rabbit proxy_protocol, rabbitmq_management listener,
    rabbitmq_management tcp_config, rabbitmq_management ssl_config, rabbitmq_management path_prefix,
    rabbitmq_management load_definitions, rabbitmq_management disable_basic_auth,
    rabbitmq_management disable_management_stats, rabbitmq_management_agent disable_metrics_collector,
    rabbitmq_prometheus tcp_config, rabbitmq_auth_backend_cache cached_backend, mnesia dir, ra data_dir, osiris data_dir,
    rabbit data_dir, rabbit plugins_dir, rabbit enabled_plugins_file, rabbit log_root, lager log_root, lager handlers`;
  for (const [, application = "", key = ""] of refusedTerms.matchAll(/(\w+) (\w+)/g)) {
    const [line = ""] = faults(draft({ "rabbitmq.advanced": `[{'${application}', [{'${key}', 1}]}].` }));
    assert.match(
      line,
      new RegExp(`^rabbitmq\\.advanced: line 1: ${key} of ${application}: .*(remove|write)`),
    );
  }
});

test("refuses secrets, and shows none of them", () => {
  const given = {
    "password, a secret": '[{rabbit, [{ssl_options, [{password, "hunter2"}]}]}].',
    "passphrase, a secret": '[{rabbit, [{config_entry_decoder, [{passphrase, <<"hunter2">>}]}]}].',
    "client_secret, a secret": "[{rabbitmq_management, [{'client_secret', \"hunter2\"}]}].",
    "dn_lookup_bind, a secret": '[{rabbitmq_auth_backend_ldap, [{dn_lookup_bind, {"cn=x", "hunter2"}}]}].',
    "a URL with a password": '[{rabbitmq_shovel, [{shovels, [{one, ["amqp://me:hunter2@mq"]}]}]}].',
  };
  for (const [what, text] of Object.entries(given)) {
    const remedy = what.startsWith("passphrase")
      ? "write {file, PATH}, with a file of your own on each broker's host"
      : "give its line of rabbitmq.conf as rabbitmq.secretSettings, or write it as RabbitMQ's {encrypted, …}";
    refusesTerms(
      text,
      `line 1: ${what}, which the stack's file and advanced.config would show to everybody; remove it, and ${remedy}`,
    );
  }
  assert.doesNotMatch(faults(draft({ "rabbitmq.advanced": '[{a, [{b, "hunter2}]}].' })).join(), /hunter2/);
  for (const harmless of [
    '[{rabbit, [{ssl_options, [{password, {encrypted, <<"aGk=">>}}]}]}].',
    '[{rabbit, [{config_entry_decoder, [{passphrase, {file, "/etc/rabbitmq/key"}}]}]}].',
    "[{rabbitmq_auth_backend_ldap, [{dn_lookup_bind, as_user}]}].",
    '[{rabbitmq_shovel, [{shovels, [{one, ["amqp://mq/%2f"]}]}]}].',
  ])
    assert.doesNotThrow(() => read(harmless));
});
