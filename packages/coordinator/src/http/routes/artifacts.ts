import type { FastifyRequest } from "fastify";
import type { FastifyPluginAsyncZod } from "fastify-type-provider-zod";
import { z } from "zod";
import { DroverError } from "@drover/shared/errors.ts";
import { DROVER_VERSION } from "@drover/shared/version.ts";
import type { Artifacts } from "../artifacts.ts";
import { fillInstallScript } from "../install-script.ts";
import type { ServerTls } from "../../tls/server-tls.ts";

export interface ArtifactRoutesOptions {
  artifacts: Artifacts;
  tls: ServerTls | null;
}

/** What a machine needs to join that has nothing yet; all of it is public, so none of it takes a token. */
export const artifactRoutes: FastifyPluginAsyncZod<ArtifactRoutesOptions> = async (app, { artifacts, tls }) => {
  app.get(
    "/install.sh",
    { schema: { summary: "The script that makes a machine a node", produces: ["text/plain"] } },
    async (request, reply) => {
      const script = fillInstallScript(artifacts.readText("install.sh"), {
        coordinatorUrl: `${schemeOf(request)}://${request.host}`,
        version: artifacts.versions().includes(DROVER_VERSION) ? DROVER_VERSION : null,
        checksums: artifacts.archiveChecksums().join("\n"),
        caCertificate: authorityOf(tls),
      });
      if (script === null)
        throw new DroverError("request.forbiddenHost", "The Host header is not what an address looks like.");
      return reply
        .type("text/plain; charset=utf-8")
        .header("cache-control", "no-store")
        .serializer(String)
        .send(script);
    },
  );

  app.get(
    "/artifacts/:file",
    {
      schema: {
        summary: "A file of the release: archives, checksums, bill of materials",
        params: z.object({ file: z.string() }),
        produces: ["application/octet-stream"],
      },
    },
    async (request, reply) => {
      const { sizeBytes, stream } = artifacts.open(request.params.file);
      return reply.type("application/octet-stream").header("content-length", sizeBytes).send(stream);
    },
  );
};

/** Something before us may end TLS. Who lies about it gets a script that does not reach us, and nobody else does. */
function schemeOf({ headers, protocol }: FastifyRequest): string {
  return headers["x-forwarded-proto"] === "https" ? "https" : protocol;
}

/** The certificate by which a machine knows the coordinator again: the last of the chain, which leads to it. */
function authorityOf(tls: ServerTls | null): string | null {
  if (tls?.trust.type !== "authority") return null;
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*$/.exec(tls.context().cert)?.[0].trim() ?? null;
}
