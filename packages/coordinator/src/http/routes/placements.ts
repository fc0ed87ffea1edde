import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import {
  Model,
  ModelPlaceRequest,
  ModelUnplaceRequest,
  PlacementList,
  PlacementQuery,
} from "@drover/shared/api/models.ts";
import { parseNodeSelector, SELECTOR_RULE, type NodeSelector } from "@drover/shared/domain/node-selector.ts";
import { DroverError } from "@drover/shared/errors.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { modelView, placementViews } from "../model-views.ts";
import { ModelParams, requireModel } from "./named-model.ts";
import { requireNode } from "./named-node.ts";

export const placementRoutes: FastifyPluginAsyncZod<{ engine: Engine }> = async (app, { engine }) => {
  const { fleet } = engine;
  app.post(
    "/v1/models/:name/place",
    {
      schema: {
        summary: "Say on which nodes a model is to be",
        description:
          "On so many of the nodes that `on` means: those that have it first, then those with the most room. Each brings it by itself, and again when it loses it. What is not pinned leaves when nobody uses it and the room is needed.",
        params: ModelParams,
        body: ModelPlaceRequest,
        response: { 200: Model },
      },
    },
    async (request) => {
      const { name } = request.params;
      const { on, copies, pin } = request.body;
      const actor = callerOf(request).name;
      const command = {
        type: "placeModel",
        name,
        selector: requireSelector(on),
        copies,
        isPinned: pin,
        actor,
      } as const;
      requireResult(await engine.command(command));
      return modelView(requireModel(fleet, name), fleet);
    },
  );

  app.post(
    "/v1/models/:name/unplace",
    {
      schema: {
        summary: "Remove a model from nodes",
        description: "Refused where an attempt uses it.",
        params: ModelParams,
        body: ModelUnplaceRequest,
        response: { 200: Model },
      },
    },
    async (request) => {
      const { name } = request.params;
      const selector = requireSelector(request.body.on);
      requireResult(await engine.command({ type: "unplaceModel", name, selector, actor: callerOf(request).name }));
      return modelView(requireModel(fleet, name), fleet);
    },
  );

  app.get(
    "/v1/placements",
    {
      schema: {
        summary: "Which model is on which node, and how far",
        querystring: PlacementQuery,
        response: { 200: PlacementList },
      },
    },
    async (request) => {
      const { node: name } = request.query;
      const node = name === undefined ? null : requireNode(fleet, name);
      return { placements: placementViews(fleet, (placement) => node === null || placement.nodeId === node.id) };
    },
  );
};

function requireSelector(text: string): NodeSelector {
  const selector = parseNodeSelector(text);
  if (selector === null)
    throw new DroverError("placement.selectorInvalid", `"${text}" does not say which nodes: ${SELECTOR_RULE}.`);
  return selector;
}
