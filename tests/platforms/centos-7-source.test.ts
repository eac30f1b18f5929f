/** CentOS 7's stand-in with HAProxy compiled from source, as the tutorial does it, and by sudo. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesOf } from "../../testbed/machines/existing-stack.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(
  new ExistingStack({ name: "q", subnet: "192.168.94.0/24", os: "centos-7", login: "sudo" }),
);

/** The version to compile, and the settings that say so. */
function source(): { readonly version: string; readonly settings: string } {
  const { mirror } = stack.machines;
  assert.ok(mirror !== undefined, "a real image has no mirror to take the tarball from");
  const { version, url, sha256 } = mirror.haproxy;
  const haproxy = { source: { version, url, sha256 } };
  const settings = `${packagesOf(stack.machines)}\n  rabbitmq-ha:haproxy: ${JSON.stringify(haproxy)}`;
  return { version, settings };
}

test("HAProxy is compiled on both balancers, and a second up changes nothing", async () => {
  const { version, settings } = source();
  await stack.configure(settings);
  await stack.must("up");
  for (const host of ["q123", "q124"]) {
    assert.match(await stack.machines.on(host, "/usr/local/haproxy/sbin/haproxy -v"), new RegExp(version));
    assert.match(await stack.machines.on(host, "id haproxy"), /uid=149\(haproxy\) gid=149\(haproxy\)/);
  }
  assert.match(await stack.must("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy takes the compiled HAProxy away too", async () => {
  await stack.ensureUp(source().settings);
  await stack.must("destroy");
  assert.equal(await stack.machines.on("q123", "ls -d /usr/local/haproxy 2>/dev/null || true"), "");
});
