/**
 * Loaded into every Node process of the Pulumi CLI; it acts only in the one that runs the Pulumi program. There the SDK
 * installs `source-map-support`, which maps each line of every stack trace to its source, and keeps a trace for every
 * promise. Node strips the types in place, so there is nothing to map, and a run is a second shorter without.
 */
const runsProgram = /[\\/]@pulumi[\\/]pulumi[\\/]cmd[\\/]run/.test(process.argv[1] ?? "");
if (runsProgram) {
  Object.defineProperty(Error, "prepareStackTrace", { get: () => undefined, set: () => undefined });
}
