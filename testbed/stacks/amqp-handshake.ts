/** Checks that a broker itself answers a new client, and not only a balancer that accepts its connection. */
import { connect } from "node:net";
import { connect as connectByTls } from "node:tls";

/** The protocol header, eight bytes, that an AMQP 0-9-1 client sends first (section 4.2.2 of the specification). */
const protocolHeader = Buffer.from("AMQP\0\0\x09\x01", "latin1");

/**
 * @param isTls whether the client speaks TLS, with the authorities that this process trusts
 * @returns whether a broker answered a new connection within this time
 */
export async function brokerAnswers(
  host: string,
  timeoutMs: number,
  port = 5672,
  isTls = false,
): Promise<boolean> {
  return new Promise((resolve) => {
    const to = { host, port, noDelay: true };
    const socket = isTls ? connectByTls(to) : connect(to);
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), timeoutMs);
    socket.once(isTls ? "secureConnect" : "connect", () => socket.write(protocolHeader));
    // The broker's Connection.Start is a method frame, whose first byte is 1.
    socket.once("data", (data: Buffer) => end(data[0] === 1));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}
