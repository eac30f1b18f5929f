/**
 * A stand-in for pulumi-resource-command 1.2.1, for machines that reach the package registries but not
 * Pulumi's download site. It behaves like the real one; comments name the differences.
 */
import { ResourceProviderService } from "@pulumi/pulumi/proto/provider_grpc_pb.js";
import { CommandService } from "./command/service.ts";
import { engineAddressFrom, watchEngine } from "./engine-watch.ts";
import { servePlugin } from "./plugin-server.ts";

const engine = engineAddressFrom(process.argv.slice(2));
if (engine === undefined) {
  process.stderr.write("fatal: the engine's address is missing from the arguments\n");
  process.exit(1);
}

const service = new CommandService(engine);
const stop = (): void => {
  service.cancel();
};
await servePlugin(ResourceProviderService, service.handlers(), stop);

// There is no engine to report to: local commands are killed, and SSH sessions close with the process.
watchEngine(engine, () => {
  stop();
  process.exit(1);
});
