import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { Model, ModelAddRequest, ModelDetail, ModelDetailQuery, ModelList } from "@drover/shared/api/models.ts";
import { parseModelReference, type ModelReference } from "@drover/shared/domain/model.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import type { FileChoice, ResolvedModel } from "../../models/resolve-model.ts";
import type { History } from "../../store/read-history.ts";
import { callerOf } from "../gate.ts";
import { modelView } from "../model-views.ts";
import { ModelParams, requireModel } from "./named-model.ts";

export type ResolveModel = (reference: ModelReference, choice: FileChoice) => Promise<ResolvedModel>;

export interface ModelRoutesOptions {
  engine: Engine;
  history: History;
  resolveModel: ResolveModel;
}

export const modelRoutes: FastifyPluginAsyncZod<ModelRoutesOptions> = async (
  app,
  { engine, history, resolveModel },
) => {
  const { fleet } = engine;
  app.get("/v1/models", { schema: { summary: "List models", response: { 200: ModelList } } }, async () => ({
    models: [...fleet.models.values()]
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((model) => modelView(model, fleet)),
  }));

  app.post(
    "/v1/models",
    {
      schema: {
        summary: "Add a model",
        description:
          "Asks the source, which may take some seconds, and keeps what the reference means now: a commit, and the size and hash of each file. Durable when answered. The same again changes nothing.",
        body: ModelAddRequest,
        response: { 201: Model },
      },
    },
    async (request, reply) => {
      const { name, reference, include = [], exclude = [] } = request.body;
      const parsed = parseModelReference(reference);
      if (parsed === null)
        throw new DroverError("model.referenceInvalid", `"${reference}" is no reference to a model.`);
      const resolved = await resolveModel(parsed, { include, exclude });
      const actor = callerOf(request).name;
      requireResult(await engine.command({ type: "addModel", name, reference, include, exclude, resolved, actor }));
      return reply
        .code(201)
        .header("location", `/v1/models/${name}`)
        .send(modelView(requireModel(fleet, name), fleet));
    },
  );

  app.get(
    "/v1/models/:name",
    {
      schema: {
        summary: "One model with its files",
        params: ModelParams,
        querystring: ModelDetailQuery,
        response: { 200: ModelDetail },
      },
    },
    async (request) => {
      const model = requireModel(fleet, request.params.name);
      const { fromFile, limit } = request.query;
      const files = history.modelFiles(model.revisionId, fromFile, limit);
      const view = modelView(model, fleet);
      const nextFile =
        fromFile + files.length < view.revision.fileCount && files.length > 0 ? fromFile + files.length : null;
      return { ...view, files, nextFile };
    },
  );

  app.post(
    "/v1/models/:name/remove",
    {
      schema: {
        summary: "Forget a model",
        description: "The name means nothing any more.",
        params: ModelParams,
        response: { 200: Model },
      },
    },
    async (request) => {
      const { name } = request.params;
      const view = modelView(requireModel(fleet, name), fleet);
      requireResult(await engine.command({ type: "removeModel", name, actor: callerOf(request).name }));
      return view;
    },
  );
};
