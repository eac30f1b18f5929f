import { status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import emptyPb, { type Empty } from "google-protobuf/google/protobuf/empty_pb.js";
import structPb, { type Struct } from "google-protobuf/google/protobuf/struct_pb.js";
import pluginPb, { type PluginAttach, type PluginInfo } from "@pulumi/pulumi/proto/plugin_pb.js";
import pb from "@pulumi/pulumi/proto/provider_pb.js";
import type * as Pb from "@pulumi/pulumi/proto/provider_pb.js";
import { StatusError, unary } from "../plugin-server.ts";
import { differences, type PropertyChange } from "./diff.ts";
import { EngineLog } from "./log.ts";
import type { OperationContext } from "./operation.ts";
import { create, newId, previewCreate, previewUpdate, remove, update, type Resource } from "./resource.ts";
import { resourceTypes } from "./resource-types.ts";
import { completed, failuresOf } from "./schema.ts";
import { withoutNulls, type WireMap } from "./wire.ts";

export const VERSION = "1.2.1";

/** The ResourceProvider service of pulumi-command 1.2.1; what this does not have is UNIMPLEMENTED. */
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
      getPluginInfo: unary<Empty, PluginInfo>(() => new pluginPb.PluginInfo().setVersion(VERSION)),
      attach: unary<PluginAttach, Empty>((request) => {
        this.#log.close();
        this.#log = new EngineLog(request.getAddress());
        return new emptyPb.Empty();
      }),
      checkConfig: unary<Pb.CheckRequest, Pb.CheckResponse>((request) =>
        new pb.CheckResponse().setInputs(request.getNews()),
      ),
      diffConfig: unary<Pb.DiffRequest, Pb.DiffResponse>(() => new pb.DiffResponse()),
      configure: unary<Pb.ConfigureRequest, Pb.ConfigureResponse>(() =>
        new pb.ConfigureResponse()
          .setAcceptsecrets(true)
          .setSupportspreview(true)
          .setAcceptresources(true)
          .setAcceptoutputs(true),
      ),
      cancel: unary<Empty, Empty>(() => {
        this.cancel();
        return new emptyPb.Empty();
      }),
      check: unary(check),
      diff: unary(diff),
      read: unary<Pb.ReadRequest, Pb.ReadResponse>((request) => {
        resourceOf(request.getUrn());
        return new pb.ReadResponse()
          .setId(request.getId())
          .setProperties(request.getProperties())
          .setInputs(request.getInputs());
      }),
      create: unary(this.#create),
      update: unary(this.#update),
      delete: unary(this.#delete),
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
    const inputs = keepingIgnored(mapOf(request.getNews()), state, request.getIgnorechangesList());
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

  /** @param timeout the resource's custom timeout in seconds, of which Go keeps the whole ones; 0 is none */
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
  const failures = failuresOf(type.inputs, given);
  return new pb.CheckResponse()
    .setInputs(structOf(completed(type.inputs, given)))
    .setFailuresList(
      failures.map(({ property, reason }) => new pb.CheckFailure().setProperty(property).setReason(reason)),
    );
}

function diff(request: Pb.DiffRequest): Pb.DiffResponse {
  const { type } = resourceOf(request.getUrn());
  const state = mapOf(request.getOlds());
  const inputs = keepingIgnored(mapOf(request.getNews()), state, request.getIgnorechangesList());
  const changes = differences(type.inputs, state, inputs);
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

/** An ignored input that the state has keeps the state's value. */
function keepingIgnored(inputs: WireMap, state: WireMap, ignored: readonly string[]): WireMap {
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
  return struct === undefined ? {} : withoutNulls(struct.toJavaScript());
}

function structOf(values: WireMap): Struct {
  return structPb.Struct.fromJavaScript(values);
}
