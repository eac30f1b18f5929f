/** The files of plug-ins that do not come with RabbitMQ. */
import assert from "node:assert/strict";
import test from "node:test";
import { parseConfig } from "../../../config/config.ts";
import { draft, refuses } from "./draft.ts";

const sha256 = "a".repeat(64);
const file = (name: string): object => ({ url: `https://example.org/${name}`, sha256 });

test("accepts what a file brings, also under a name that resembles a shipped one", () => {
  const changes = {
    "rabbitmq.plugins": ["rabbitmq_management", "rabbitmq_shovels"],
    "rabbitmq.pluginFiles": [
      file("rabbitmq_shovels-3.10.2.ez?raw=true"),
      { url: "file:///srv/acme_audit-1.0.ez", sha256: "A".repeat(64) },
    ],
  };
  const { pluginFiles } = parseConfig(draft(changes)).rabbitmq;
  assert.deepEqual(pluginFiles[1], { url: "file:///srv/acme_audit-1.0.ez", sha256 });
  refuses({ ...changes, "rabbitmq.pluginFiles": [] }, [
    'rabbitmq.plugins[1] = "rabbitmq_shovels": not a plug-in of RabbitMQ; did you mean rabbitmq_shovel?',
  ]);
});

test("refuses a file that is not named as a plug-in's, that is unchecked, or a second one of a plug-in", () => {
  const named =
    "not the URL of a plug-in's file; write one that ends with its name, such as /rabbitmq_delayed_message_exchange-3.10.2.ez";
  refuses({ "rabbitmq.pluginFiles": [file("a.zip"), file("acme_audit.ez")] }, [
    `rabbitmq.pluginFiles[0].url = "https://example.org/a.zip": ${named}`,
    `rabbitmq.pluginFiles[1].url = "https://example.org/acme_audit.ez": ${named}`,
  ]);
  refuses({ "rabbitmq.pluginFiles": [{ url: "https://me:hunter2@example.org/a-1.ez" }] }, [
    'rabbitmq.pluginFiles[0].url = "https://…@example.org/a-1.ez": has a user or a password, which the hosts\' files and logs would show; write it without, and let the server accept the hosts by their addresses',
    "rabbitmq.pluginFiles[0].sha256: missing; write the file's SHA-256, 64 hexadecimal digits",
  ]);
  refuses({ "rabbitmq.pluginFiles": [file("acme_audit-1.0.ez"), file("acme_audit-1.1.ez")] }, [
    'rabbitmq.pluginFiles[1].url = "https://example.org/acme_audit-1.1.ez": a second file of acme_audit; remove one of them',
  ]);
});
