/**
 * Loaded before the Pulumi program. The SDK installs `source-map-support`, which maps each line of every stack trace to
 * its source, and the SDK keeps a trace for every promise. Node strips the types in place, so there is nothing to map, and
 * a run is a second shorter without.
 */
Object.defineProperty(Error, "prepareStackTrace", { get: () => undefined, set: () => undefined });
