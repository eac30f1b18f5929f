/** Whether a broker itself answers a new client, and not only a balancer that takes its connection. */
import { connect } from "node:net";

/** The eight bytes by which an AMQP 0-9-1 client opens (section 4.2.2 of its specification). */
const hello = Buffer.from("AMQP\0\0\x09\x01", "latin1");

/** @param timeout milliseconds @returns whether a new connection was answered by a broker within the time */
export async function answers(host: string, timeout: number, port = 5672): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    const end = (answered: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answered);
    };
    const timer = setTimeout(() => end(false), timeout);
    socket.once("connect", () => socket.write(hello));
    // Connection.Start is a method frame, so its first byte is 1.
    socket.once("data", (data: Buffer) => end(data[0] === 1));
    socket.once("error", () => end(false));
    socket.once("close", () => end(false));
  });
}
