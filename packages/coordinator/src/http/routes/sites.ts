import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { SiteList, SiteSummary, UNNAMED_SITE } from "@drover/shared/api/sites.ts";
import { requireResult, type Engine } from "../../engine/engine.ts";
import { callerOf } from "../gate.ts";
import { sitesView, siteView } from "../site-views.ts";

export const siteRoutes: FastifyPluginAsyncZod<{ engine: Engine }> = async (app, { engine }) => {
  app.get(
    "/v1/sites",
    { schema: { summary: "List sites, and what is frozen", response: { 200: SiteList } } },
    async () => sitesView(engine.fleet),
  );

  app.post(
    "/v1/sites/:name/gone",
    {
      schema: {
        summary: "Say that no node of a site will come back",
        description:
          "As for each of its nodes. Refused while one of them is online. The name `-` means the nodes that name no site.",
        params: z.object({ name: z.string() }),
        response: { 200: SiteSummary },
      },
    },
    async (request) => {
      const site = request.params.name === UNNAMED_SITE ? null : request.params.name;
      requireResult(await engine.command({ type: "declareSiteGone", site, actor: callerOf(request).name }));
      return siteView(engine.fleet, site);
    },
  );
};
