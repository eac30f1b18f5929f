/** What the lab refuses. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkLabInterface } from "../../../platforms/lab/lab.ts";

test("the lab's hosts have one interface", () => {
  checkLabInterface();
  checkLabInterface("eth0");
  const message = 'keepalived.interface = "eth1": the lab\'s hosts have only eth0; remove the key';
  assert.throws(
    () => {
      checkLabInterface("eth1");
    },
    { message },
  );
});
