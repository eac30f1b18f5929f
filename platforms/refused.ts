/** An error that ends the program before anything is registered. */
import * as pulumi from "@pulumi/pulumi";

/** @returns an error that is shown as its message alone */
export function refused(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  // Nobody reads it, and the engine's way of formatting it costs Node half a minute (nodejs/node#64011).
  error.stack = "";
  return error;
}
