/** moto's server in AWS's place, and before it a gate that notes each call and can let it fail. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createListener, type AddressInfo } from "node:net";
import { join } from "node:path";

export const region = "eu-central-1";

/** What the gate does with a call. */
export type Verdict =
  /** Passes it on. */
  | "pass"
  /** Answers as AWS does to too many calls. */
  | "throttle"
  /** Answers as AWS does to one who may not. */
  | "forbid"
  /** Says that it is done, and does not do it. */
  | "swallow"
  /** Never answers. */
  | "hang";

export interface Call {
  /** Such as `ReplaceRoute`. */
  readonly action: string;
  readonly authorization: string;
  readonly token: string | undefined;
}

const errors = {
  throttle: [503, "RequestLimitExceeded", "Request limit exceeded."],
  forbid: [403, "UnauthorizedOperation", "You are not authorized to perform this operation."],
} as const;

export class AwsServer {
  readonly calls: Call[] = [];
  /** Asked for each call in turn. */
  judge: (action: string) => Verdict = () => "pass";
  readonly #moto: ChildProcess;
  readonly #gate: Server;
  readonly #port: number;

  private constructor(moto: ChildProcess, port: number) {
    this.#moto = moto;
    this.#port = port;
    this.#gate = createServer((incoming, answer) => void this.#answer(incoming, answer));
  }

  /** @param bin where `moto_server` is @param host the address that the gate listens at */
  static async start(bin: string, host = "127.0.0.1"): Promise<AwsServer> {
    const port = await freePort();
    const moto = spawn(join(bin, "moto_server"), ["-H", "127.0.0.1", "-p", String(port)], {
      stdio: "ignore",
    });
    const server = new AwsServer(moto, port);
    await new Promise<void>((resolve) => server.#gate.listen(0, host, resolve));
    const deadline = Date.now() + 120_000;
    while (
      !(await fetch(`http://127.0.0.1:${String(port)}/`).then(
        () => true,
        () => false,
      ))
    ) {
      if (Date.now() > deadline || moto.exitCode !== null) {
        await server.stop();
        throw new Error("moto's server has not come up");
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return server;
  }

  /** Where the CLI finds it. */
  get endpoint(): string {
    const { address, port } = this.#gate.address() as AddressInfo;
    return `http://${address}:${String(port)}`;
  }

  /** Asks moto itself, past the gate. @returns its answer, in XML */
  async ask(action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
    const scope = `20260101/${region}/ec2/aws4_request`;
    const answer = await fetch(`http://127.0.0.1:${String(this.#port)}/`, {
      method: "POST",
      headers: {
        "content-type": "application/x-www-form-urlencoded",
        authorization: `AWS4-HMAC-SHA256 Credential=test/${scope}, SignedHeaders=host, Signature=none`,
      },
      body: new URLSearchParams({ Action: action, Version: "2016-11-15", ...parameters }).toString(),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${action}: ${text}`);
    return text;
  }

  /** Makes something. @returns its ID */
  async make(
    action: string,
    element: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const text = await this.ask(action, parameters);
    const id = new RegExp(`<${element}>([^<]+)</${element}>`).exec(text)?.[1];
    if (id === undefined) throw new Error(`${action}: ${text}`);
    return id;
  }

  async #answer(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const action = new URLSearchParams(body.toString()).get("Action") ?? "";
    const { authorization = "", "x-amz-security-token": token } = incoming.headers;
    this.calls.push({ action, authorization, token: typeof token === "string" ? token : undefined });
    const verdict = this.judge(action);
    if (verdict === "hang") return;
    if (verdict === "swallow") {
      answer.end(`<${action}Response><return>true</return></${action}Response>`);
    } else if (verdict !== "pass") {
      const [status, code, words] = errors[verdict];
      const text = `<Response><Errors><Error><Code>${code}</Code><Message>${words}</Message></Error></Errors></Response>`;
      answer.writeHead(status, { "content-type": "text/xml" }).end(text);
    } else {
      const { method, url, headers } = incoming;
      const onward = request({ port: this.#port, method, path: url, headers }, (found) => {
        answer.writeHead(found.statusCode ?? 500, found.headers);
        found.pipe(answer);
      });
      onward.once("error", () => answer.destroy());
      onward.end(body);
    }
  }

  async stop(): Promise<void> {
    this.#gate.closeAllConnections();
    this.#gate.close();
    const ended = new Promise((resolve) => this.#moto.once("exit", resolve));
    if (this.#moto.exitCode === null && this.#moto.kill()) await ended;
  }
}

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const listener = createListener().listen(0, "127.0.0.1", () => {
      const { port } = listener.address() as AddressInfo;
      listener.close(() => resolve(port));
    });
  });
}
