/** moto's server instead of AWS, behind a proxy that records each call and can make it fail. */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createListener, type AddressInfo } from "node:net";
import { join } from "node:path";

export const region = "eu-central-1";

/** What the proxy does with a call. */
export type CallHandling =
  /** Forwards it to moto. */
  | "pass"
  /** Answers as AWS does when there are too many calls. */
  | "throttle"
  /** Answers as AWS does when the caller lacks the permission. */
  | "forbid"
  /** Reports success without forwarding it. */
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

export class FakeAwsServer {
  readonly calls: Call[] = [];
  /** Decides on each call, in the order of the calls. */
  handlingOf: (action: string) => CallHandling = () => "pass";
  readonly #moto: ChildProcess;
  readonly #proxy: Server;
  readonly #port: number;

  private constructor(moto: ChildProcess, port: number) {
    this.#moto = moto;
    this.#port = port;
    this.#proxy = createServer((incoming, answer) => void this.#handle(incoming, answer));
  }

  /** @param bin the folder of `moto_server` @param host the address that the proxy listens on */
  static async start(bin: string, host = "127.0.0.1"): Promise<FakeAwsServer> {
    const port = await freePort();
    const moto = spawn(join(bin, "moto_server"), ["-H", "127.0.0.1", "-p", String(port)], {
      stdio: "ignore",
    });
    const server = new FakeAwsServer(moto, port);
    await new Promise<void>((resolve) => server.#proxy.listen(0, host, resolve));
    const deadline = Date.now() + 120_000;
    while (
      !(await fetch(`http://127.0.0.1:${String(port)}/`).then(
        () => true,
        () => false,
      ))
    ) {
      if (Date.now() > deadline || moto.exitCode !== null) {
        await server.stop();
        throw new Error("moto_server did not answer within 120 s, or ended");
      }
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    return server;
  }

  /** The endpoint for the AWS CLI. */
  get endpoint(): string {
    const { address, port } = this.#proxy.address() as AddressInfo;
    return `http://${address}:${String(port)}`;
  }

  /** Calls moto directly, not through the proxy. @returns its answer, in XML */
  async callMoto(action: string, parameters: Readonly<Record<string, string>>): Promise<string> {
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

  /** Creates something by a call to moto. @param element the XML element with the ID @returns its ID */
  async create(
    action: string,
    element: string,
    parameters: Readonly<Record<string, string>> = {},
  ): Promise<string> {
    const text = await this.callMoto(action, parameters);
    const id = new RegExp(`<${element}>([^<]+)</${element}>`).exec(text)?.[1];
    if (id === undefined) throw new Error(`${action}: ${text}`);
    return id;
  }

  async #handle(incoming: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const action = new URLSearchParams(body.toString()).get("Action") ?? "";
    const { authorization = "", "x-amz-security-token": token } = incoming.headers;
    this.calls.push({ action, authorization, token: typeof token === "string" ? token : undefined });
    const verdict = this.handlingOf(action);
    if (verdict === "hang") return;
    if (verdict === "swallow") {
      answer.end(`<${action}Response><return>true</return></${action}Response>`);
    } else if (verdict !== "pass") {
      const [status, code, message] = errors[verdict];
      const text = `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors></Response>`;
      answer.writeHead(status, { "content-type": "text/xml" }).end(text);
    } else {
      const { method, url, headers } = incoming;
      const forwarded = request({ port: this.#port, method, path: url, headers }, (found) => {
        answer.writeHead(found.statusCode ?? 500, found.headers);
        found.pipe(answer);
      });
      forwarded.once("error", () => answer.destroy());
      forwarded.end(body);
    }
  }

  async stop(): Promise<void> {
    this.#proxy.closeAllConnections();
    this.#proxy.close();
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
