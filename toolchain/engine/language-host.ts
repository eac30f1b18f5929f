/**
 * A stand-in for pulumi-language-nodejs of Pulumi 3.259, for machines that reach the package registries
 * but not Pulumi's download site: it starts Pulumi programs written in TypeScript or JavaScript.
 */
import { LanguageRuntimeService } from "@pulumi/pulumi/proto/language_grpc_pb.js";
import { engineAddressFrom, watchEngine } from "./engine-watch.ts";
import { LanguageService } from "./language/service.ts";
import { servePlugin } from "./plugin-server.ts";

const engine = engineAddressFrom(process.argv.slice(2));
const service = new LanguageService(engine, watchUntilGone);
const stop = (): void => {
  service.killPrograms();
};
await servePlugin(LanguageRuntimeService, service.handlers(), stop);
if (engine !== undefined) {
  watchUntilGone(engine);
}

/** Without an engine a program cannot register resources, so everything ends with the engine. */
function watchUntilGone(address: string): void {
  watchEngine(address, () => {
    stop();
    process.exit(1);
  });
}
