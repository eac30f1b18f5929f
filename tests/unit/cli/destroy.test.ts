/** What `npm run destroy` refuses before anything is removed. */
import assert from "node:assert/strict";
import test from "node:test";
import { refuseProtected } from "../../../cli/destroy.ts";
import { UserError } from "../../../user-error.ts";

const resource = (name: string, protect?: boolean): Parameters<typeof refuseProtected>[1][number] => ({
  urn: `urn:pulumi:prod::rabbitmq-ha::aws:ec2/instance:Instance::${name}`,
  type: "aws:ec2/instance:Instance",
  ...(protect === undefined ? {} : { protect }),
});

test("a stack with protected resources is not destroyed in part: the refusal names them and what to do", () => {
  refuseProtected("prod", [resource("a"), resource("b", false)]);
  assert.throws(
    () => {
      refuseProtected("prod", [
        resource("rabbit1-machine", true),
        resource("b"),
        resource("rabbit1-data", true),
      ]);
    },
    (error: unknown) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /^stack prod: nothing was destroyed: rabbit1-machine, rabbit1-data are protected/,
      );
      assert.match(error.message, /set it to false, run npm run up -- --stack prod, and destroy again/);
      return true;
    },
  );
});
