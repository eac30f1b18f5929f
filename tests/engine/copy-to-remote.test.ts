/**
 * What a CopyToRemote copies and when.
 *
 * Sources: FACTS = the paragraph on CopyToRemote, CMD = pulumi/pulumi-command 1.2.1
 * provider/pkg/provider/remote/copyController.go.
 */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { COPY, Provider } from "./provider.ts";
import { newKey } from "./ssh-keys.ts";
import { SshServer } from "./ssh-server.ts";
import { fileAsset, folderArchive, isSecret, secret, stringAsset, type Value } from "./values.ts";

const key = newKey();
let provider: Provider;
let host: SshServer;
let connection: Value;
/** The files to copy; the destination is the server's own folder. */
let source: string;

before(async () => {
  provider = await Provider.launch();
  host = await SshServer.start({ keys: [key.public] });
  connection = secret({ host: "127.0.0.1", port: host.port, privateKey: key.private, dialErrorLimit: 0 });
  source = mkdtempSync(join(tmpdir(), "copy-source-"));
  mkdirSync(join(source, "sub"));
  writeFileSync(join(source, "file"), "content");
  writeFileSync(join(source, "sub/deep"), "deep content");
});
after(async () => {
  await provider.stop();
  await host.stop();
  rmSync(source, { recursive: true, force: true });
});

function remote(...path: string[]): string {
  return join(host.folder, ...path);
}

function read(...path: string[]): string {
  return readFileSync(remote(...path), "utf8");
}

describe("a file", () => {
  test("is copied to its path, over what is there", async () => {
    const inputs = { connection, source: fileAsset(join(source, "file"), "h"), remotePath: remote("target") };
    const state = await provider.create(COPY, inputs);
    assert.equal(read("target"), "content");
    writeFileSync(remote("target"), "longer than the content");
    await provider.create(COPY, inputs);
    assert.equal(read("target"), "content");
    assert.equal(isSecret(state["connection"]), true);
    assert.deepEqual(state["source"], inputs.source);
  });

  test("goes into a folder that is there", async () => {
    mkdirSync(remote("folder"));
    await provider.create(COPY, {
      connection,
      source: fileAsset(join(source, "file"), "h"),
      remotePath: remote("folder"),
    });
    assert.equal(read("folder", "file"), "content");
  });

  test("that is not there fails the copy", async () => {
    await assert.rejects(
      provider.create(COPY, { connection, source: fileAsset("/nowhere/file", "h"), remotePath: remote("x") }),
      { message: "open /nowhere/file: no such file or directory" },
    );
  });

  test("needs its folder to be there", async () => {
    await assert.rejects(
      provider.create(COPY, {
        connection,
        source: fileAsset(join(source, "file"), "h"),
        remotePath: remote("missing/file"),
      }),
      { message: `failed to create remote file ${remote("missing/file")}: file does not exist` },
    );
  });

  test("may be large", async () => {
    const large = "0123456789".repeat(300_000);
    writeFileSync(join(source, "large"), large);
    await provider.create(COPY, {
      connection,
      source: fileAsset(join(source, "large"), "h"),
      remotePath: remote("large"),
    });
    assert.equal(read("large"), large);
  });
});

describe("a folder", () => {
  test("goes below its destination under its own name", async () => {
    await provider.create(COPY, {
      connection,
      source: folderArchive(join(source, "sub"), "h"),
      remotePath: remote("into"),
    });
    assert.equal(read("into", "sub", "deep"), "deep content");
  });

  test("with a slash at its end gives its content", async () => {
    await provider.create(COPY, {
      connection,
      source: folderArchive(`${join(source, "sub")}/`, "h"),
      remotePath: remote("direct"),
    });
    assert.equal(read("direct", "deep"), "deep content");
  });
});

test("a text is refused: only files and folders are copied", async () => {
  const { failures } = await provider.check(COPY, {
    connection,
    source: stringAsset("text", "h"),
    remotePath: remote("x"),
  });
  assert.deepEqual(failures, ["asset: asset must be a path-based file asset"]);
});

describe("update", () => {
  test("copies when the content or the path changes (CMD Update)", async () => {
    const inputs = { connection, source: fileAsset(join(source, "file"), "h1"), remotePath: remote("u1") };
    const state = await provider.create(COPY, inputs);
    await provider.update(COPY, state, { ...inputs, remotePath: remote("u2") });
    assert.equal(read("u2"), "content");
    rmSync(remote("u1"));
    await provider.update(COPY, state, { ...inputs, source: fileAsset(join(source, "file"), "h2") });
    assert.equal(read("u1"), "content");
  });

  test("does not copy when only the machine changes (FACTS)", async () => {
    const inputs = { connection, source: fileAsset(join(source, "file"), "h"), remotePath: remote("once") };
    const state = await provider.create(COPY, inputs);
    rmSync(remote("once"));
    const elsewhere = secret({ host: "127.0.0.1", port: 1, dialErrorLimit: 0 });
    await provider.update(COPY, state, { ...inputs, connection: elsewhere });
    assert.equal(existsSync(remote("once")), false);
  });
});

test("delete leaves the copy where it is (FACTS)", async () => {
  const inputs = { connection, source: fileAsset(join(source, "file"), "h"), remotePath: remote("stays") };
  const dials = host.dials.length;
  await provider.delete(COPY, await provider.create(COPY, inputs));
  assert.equal(read("stays"), "content");
  assert.equal(host.dials.length, dials + 1);
});

test("a preview copies nothing", async () => {
  const inputs = {
    connection,
    source: fileAsset(join(source, "file"), "h"),
    remotePath: remote("previewed"),
  };
  await provider.create(COPY, inputs, { preview: true });
  assert.equal(existsSync(remote("previewed")), false);
});
