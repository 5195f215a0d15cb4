/** How requests are checked: bodies as they are, queries and paths as the text that they are. */
import { Ajv, type Options } from "ajv";
import addFormats from "ajv-formats";
import type { FastifySchemaCompiler } from "fastify";
import type { TSchema } from "typebox";

const OPTIONS: Options = {
  allErrors: true,
  multipleOfPrecision: 6,
  strict: true,
  strictTypes: false,
  useDefaults: true,
};

/** A checker; `coerceTypes` reads numbers from text. */
export function createChecker(options: Options = {}): Ajv {
  const checker = new Ajv({ ...OPTIONS, ...options });
  addFormats.default(checker);
  return checker;
}

/** Compile the schemas of routes. */
export function createCompiler(): FastifySchemaCompiler<TSchema> {
  const [exact, coercing] = [createChecker(), createChecker({ coerceTypes: "array" })];
  return ({ schema, httpPart }) => (httpPart === "body" ? exact : coercing).compile(schema);
}
