/** Who logs in to machines, and through which bastion. */
import * as values from "./values.ts";

/** @param example the user to show in messages */
export function loginUser(example: string) {
  return values.matching(
    /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/,
    "not a user's name",
    `the name of the user to log in as, such as ${example}`,
  );
}

/** The keys of a bastion. */
export function bastionKeys(user: ReturnType<typeof loginUser>) {
  return {
    host: values.matching(/^[A-Za-z0-9][A-Za-z0-9.-]*$/, "not a host", "its name or its IPv4 address"),
    user: user.default("root"),
    port: values.port.default(22),
  };
}
