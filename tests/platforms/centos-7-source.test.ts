/** CentOS 7's stand-in: HAProxy compiled from source, as in the tutorial, and a login with sudo. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ExistingStack, packagesConfig } from "../../testbed/existing/existing-stack.ts";
import { useStack } from "../support/trial.ts";

const stack = useStack(
  new ExistingStack({ name: "q", subnet: "192.168.94.0/24", os: "centos-7", login: "sudo" }),
);

/** The version of HAProxy to compile, and the settings for it. */
function source(): { readonly version: string; readonly settings: string } {
  const { mirror } = stack.machines;
  assert.ok(mirror !== undefined, "a real image of CentOS 7 has no mirror with the tarball");
  const { version, url, sha256 } = mirror.haproxy;
  const haproxy = { source: { version, url, sha256 } };
  const settings = `${packagesConfig(stack.machines)}\n  rabbitmq-ha:haproxy: ${JSON.stringify(haproxy)}`;
  return { version, settings };
}

test("up compiles HAProxy on both balancers, and a second up changes nothing", async () => {
  const { version, settings } = source();
  await stack.configure(settings);
  await stack.runOrThrow("up");
  for (const host of ["q123", "q124"]) {
    assert.match(await stack.machines.runOn(host, "/usr/local/haproxy/sbin/haproxy -v"), new RegExp(version));
    assert.match(await stack.machines.runOn(host, "id haproxy"), /uid=149\(haproxy\) gid=149\(haproxy\)/);
  }
  assert.match(await stack.runOrThrow("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy also removes the compiled HAProxy", async () => {
  await stack.ensureUp(source().settings);
  await stack.runOrThrow("destroy");
  assert.equal(await stack.machines.runOn("q123", "ls -d /usr/local/haproxy 2>/dev/null || true"), "");
});
