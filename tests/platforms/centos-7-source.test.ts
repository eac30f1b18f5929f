/** CentOS 7's stand-in with HAProxy compiled from source, as the tutorial does it, and by sudo. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { ExistingStack, packagesOf } from "../../lab/strangers/existing-stack.ts";

const stack = new ExistingStack({ name: "q", subnet: "192.168.94.0/24", os: "centos-7", login: "sudo" });
before(() => stack.open());
after(() => stack.close());

test("HAProxy is compiled on both balancers, and a second up changes nothing", async () => {
  const { mirror } = stack.machines;
  assert.ok(mirror !== undefined, "a real image has no mirror to take the tarball from");
  const { version, url, sha256 } = mirror.haproxy;
  const haproxy = { source: { version, url, sha256 } };
  await stack.configure(`${packagesOf(stack.machines)}\n  rabbitmq-ha:haproxy: ${JSON.stringify(haproxy)}`);
  await stack.must("up");
  for (const host of ["q123", "q124"]) {
    assert.match(await stack.machines.on(host, "/usr/local/haproxy/sbin/haproxy -v"), new RegExp(version));
    assert.match(await stack.machines.on(host, "id haproxy"), /uid=149\(haproxy\) gid=149\(haproxy\)/);
  }
  assert.match(await stack.must("up", "--expect-no-changes"), /^ +\d+ unchanged$/m);
});

test("destroy takes the compiled HAProxy away too", async () => {
  await stack.must("destroy");
  assert.equal(await stack.machines.on("q123", "ls -d /usr/local/haproxy 2>/dev/null || true"), "");
});
