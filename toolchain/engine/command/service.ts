import { status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyPb, { type Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import pluginPb, { type PluginAttach, type PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import { StatusError, unaryHandler } from "../plugin-server.ts";
import { findDifferences, type PropertyChange } from "./diff.ts";
import { EngineLog } from "./log.ts";
import type { OperationContext } from "./operation.ts";
import { create, newId, previewCreate, previewUpdate, remove, update, type Resource } from "./resource.ts";
import { resourceTypes } from "./resource-types.ts";
import { fillDefaults, findFailures } from "./schema.ts";
import { removeNulls, type WireMap } from "./wire.ts";

export const VERSION = "1.2.1";

/** The ResourceProvider service of pulumi-command 1.2.1; all other methods are UNIMPLEMENTED. */
export class CommandService {
  #log: EngineLog;
  readonly #cancelled = new AbortController();

  constructor(engineAddress: string | undefined) {
    this.#log = new EngineLog(engineAddress);
  }

  /** Ends pauses between dials and kills local commands; a remote command runs to its end. */
  cancel(): void {
    this.#cancelled.abort();
  }

  handlers(): UntypedServiceImplementation {
    return {
      getPluginInfo: unaryHandler<Empty, PluginInfo>(() => new pluginPb.PluginInfo().setVersion(VERSION)),
      attach: unaryHandler<PluginAttach, Empty>((request) => {
        this.#log.close();
        this.#log = new EngineLog(request.getAddress());
        return new emptyPb.Empty();
      }),
      checkConfig: unaryHandler<Pb.CheckRequest, Pb.CheckResponse>((request) =>
        new pb.CheckResponse().setInputs(request.getNews()),
      ),
      diffConfig: unaryHandler<Pb.DiffRequest, Pb.DiffResponse>(() => new pb.DiffResponse()),
      configure: unaryHandler<Pb.ConfigureRequest, Pb.ConfigureResponse>(() =>
        new pb.ConfigureResponse()
          .setAcceptsecrets(true)
          .setSupportspreview(true)
          .setAcceptresources(true)
          .setAcceptoutputs(true),
      ),
      cancel: unaryHandler<Empty, Empty>(() => {
        this.cancel();
        return new emptyPb.Empty();
      }),
      check: unaryHandler(check),
      diff: unaryHandler(diff),
      read: unaryHandler<Pb.ReadRequest, Pb.ReadResponse>((request) => {
        resourceOf(request.getUrn());
        return new pb.ReadResponse()
          .setId(request.getId())
          .setProperties(request.getProperties())
          .setInputs(request.getInputs());
      }),
      create: unaryHandler(this.#create),
      update: unaryHandler(this.#update),
      delete: unaryHandler(this.#delete),
    };
  }

  readonly #create = async (request: Pb.CreateRequest): Promise<Pb.CreateResponse> => {
    const resource = resourceOf(request.getUrn());
    const inputs = mapOf(request.getProperties());
    if (request.getPreview()) {
      return new pb.CreateResponse()
        .setId(newId(resource))
        .setProperties(structOf(previewCreate(resource, inputs)));
    }
    const outputs = await create(resource, inputs, this.#context(request.getUrn(), request.getTimeout()));
    return new pb.CreateResponse().setId(newId(resource)).setProperties(structOf(outputs));
  };

  readonly #update = async (request: Pb.UpdateRequest): Promise<Pb.UpdateResponse> => {
    const resource = resourceOf(request.getUrn());
    const state = mapOf(request.getOlds());
    const inputs = restoreIgnoredInputs(mapOf(request.getNews()), state, request.getIgnorechangesList());
    const outputs = request.getPreview()
      ? previewUpdate(resource, state, inputs)
      : await update(resource, state, inputs, this.#context(request.getUrn(), request.getTimeout()));
    return new pb.UpdateResponse().setProperties(structOf(outputs));
  };

  readonly #delete = async (request: Pb.DeleteRequest): Promise<Empty> => {
    const resource = resourceOf(request.getUrn());
    await remove(
      resource,
      mapOf(request.getProperties()),
      this.#context(request.getUrn(), request.getTimeout()),
    );
    return new emptyPb.Empty();
  };

  /** @param timeout the resource's custom timeout in seconds, truncated as in Go; 0 means none */
  #context(urn: string, timeout: number): OperationContext {
    const signals = [this.#cancelled.signal];
    if (timeout !== 0) {
      signals.push(AbortSignal.timeout(Math.trunc(timeout) * 1000));
    }
    return { urn, log: this.#log, signal: AbortSignal.any(signals) };
  }
}

function check(request: Pb.CheckRequest): Pb.CheckResponse {
  const { type } = resourceOf(request.getUrn());
  const given = mapOf(request.getNews());
  const failures = findFailures(type.inputs, given);
  return new pb.CheckResponse()
    .setInputs(structOf(fillDefaults(type.inputs, given)))
    .setFailuresList(
      failures.map(({ property, reason }) => new pb.CheckFailure().setProperty(property).setReason(reason)),
    );
}

function diff(request: Pb.DiffRequest): Pb.DiffResponse {
  const { type } = resourceOf(request.getUrn());
  const state = mapOf(request.getOlds());
  const inputs = restoreIgnoredInputs(mapOf(request.getNews()), state, request.getIgnorechangesList());
  const changes = findDifferences(type.inputs, state, inputs);
  const response = new pb.DiffResponse()
    .setChanges(
      changes.size > 0 ? pb.DiffResponse.DiffChanges.DIFF_SOME : pb.DiffResponse.DiffChanges.DIFF_NONE,
    )
    .setHasdetaileddiff(true)
    .setDiffsList(Array.from(changes.keys()))
    .setReplacesList(Array.from(changes).flatMap(([path, change]) => (change.replace ? [path] : [])));
  for (const [path, change] of changes) {
    response.getDetaileddiffMap().set(path, new pb.PropertyDiff().setKind(kindOf(change)));
  }
  return response;
}

function kindOf({ kind, replace }: PropertyChange): Pb.PropertyDiff.Kind {
  const kinds = pb.PropertyDiff.Kind;
  switch (kind) {
    case "add":
      return replace ? kinds.ADD_REPLACE : kinds.ADD;
    case "delete":
      return replace ? kinds.DELETE_REPLACE : kinds.DELETE;
    case "update":
      return replace ? kinds.UPDATE_REPLACE : kinds.UPDATE;
  }
}

/** Sets each ignored input to its value in the state, if it has one there. */
function restoreIgnoredInputs(inputs: WireMap, state: WireMap, ignored: readonly string[]): WireMap {
  const kept = ignored.flatMap((name) => (state[name] === undefined ? [] : [[name, state[name]] as const]));
  return { ...inputs, ...Object.fromEntries(kept) };
}

/** The resource that a URN (urn:pulumi:STACK::PROJECT::PARENTS$TYPE::NAME) names. */
function resourceOf(urn: string): Resource {
  const [, , types = "", ...name] = urn.split("::");
  const token = types.slice(types.lastIndexOf("$") + 1);
  const type = resourceTypes.get(token);
  if (type === undefined) {
    throw new StatusError(status.NOT_FOUND, `Resource '${token.slice(token.indexOf(":") + 1)}' not found`);
  }
  return { token, type, name: name.join("::") };
}

function mapOf(struct: Struct | undefined): WireMap {
  return struct === undefined ? {} : removeNulls(struct.toJavaScript());
}

function structOf(values: WireMap): Struct {
  return structPb.Struct.fromJavaScript(values);
}
