/**
 * A stand-in for pulumi-resource-command 1.2.1, for machines that reach package registries but no
 * download site. It does what the real one does; where it does not, a comment says so.
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

// Nobody is left to report to: local commands go, SSH sessions close with the process.
watchEngine(engine, () => {
  stop();
  process.exit(1);
});
