import type { FastifyError } from "fastify";
import { hasZodFastifySchemaValidationErrors } from "fastify-type-provider-zod";
import type { Problem } from "@drover/shared/api/problem.ts";
import { ERRORS, type ErrorCode } from "@drover/shared/error-codes.ts";
import { DroverError, isDroverError } from "@drover/shared/errors.ts";

/** Fastify's own refusals, as ours. */
const CODES_BY_FASTIFY_CODE: Readonly<Record<string, ErrorCode>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "request.unsupportedMediaType",
  FST_ERR_CTP_BODY_TOO_LARGE: "request.tooLarge",
  FST_ERR_CTP_EMPTY_JSON_BODY: "request.malformedJson",
  FST_ERR_CTP_INVALID_JSON_BODY: "request.malformedJson",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "request.invalid",
};

/** What a person can act on; `internal` where it is our defect. */
export function toDroverError(error: unknown): DroverError {
  if (isDroverError(error)) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const issues = error.validation.map(({ instancePath, message }) => ({
      path: instancePath.replace(/^\//, "").replaceAll("/", "."),
      message: message ?? "does not fit",
    }));
    const [first] = issues;
    const where = first?.path ? `${first.path}: ` : "";
    return new DroverError("request.invalid", `${where}${first?.message ?? "the request does not fit the schema"}`, {
      details: { issues },
    });
  }
  const fastifyError = error as Partial<FastifyError>;
  const code =
    CODES_BY_FASTIFY_CODE[fastifyError.code ?? ""] ??
    (error instanceof SyntaxError ? "request.malformedJson" : undefined);
  if (code) return new DroverError(code, fastifyError.message ?? ERRORS[code].meaning);
  if (fastifyError.statusCode !== undefined && fastifyError.statusCode < 500) {
    return new DroverError("request.invalid", fastifyError.message ?? ERRORS["request.invalid"].meaning);
  }
  return new DroverError("internal", "The coordinator met a defect of its own.", { cause: error });
}

export function toProblem(error: DroverError, requestId: string): Problem {
  const { meaning, httpStatus } = ERRORS[error.code];
  return {
    type: `/docs/errors.md#${error.code}`,
    title: meaning,
    status: httpStatus ?? 500,
    detail: error.message,
    code: error.code,
    advice: error.advice,
    requestId,
    ...error.details,
  };
}
