/** An error that ends the program before anything is registered. */
import * as pulumi from "@pulumi/pulumi";

/** @returns an error of which only the message is shown */
export function refusalError(message: string): pulumi.RunError {
  const error = new pulumi.RunError(message);
  // The stack trace is not shown, and formatting it the engine's way costs Node half a minute (nodejs/node#64011).
  error.stack = "";
  return error;
}
