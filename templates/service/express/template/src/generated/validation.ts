/** How requests are checked: bodies as they are, queries and paths as the text that they are. */
import { Ajv, type ErrorObject, type Options } from "ajv";
import addFormats from "ajv-formats";
import type { Request } from "express";

import { Problem } from "./errors.ts";
import type { Schema } from "./routing.ts";

const OPTIONS: Options = {
  allErrors: true,
  multipleOfPrecision: 6,
  strict: true,
  strictTypes: false,
  useDefaults: true,
};
const REFUSED = { additionalProperties: "additionalProperty", required: "missingProperty" };

/** One thing that is wrong with a request. */
interface Fault {
  readonly in: string;
  readonly pointer: string;
  readonly detail: string;
}

/** A checker; `coerceTypes` reads numbers from text. */
export function createChecker(options: Options = {}): Ajv {
  const checker = new Ajv({ ...OPTIONS, ...options });
  addFormats.default(checker);
  return checker;
}

const [exact, coercing] = [createChecker(), createChecker({ coerceTypes: "array" })];

/** Check the parts of a request against a schema, and complete them; throws with every fault. */
export function createCheck(schema: Schema): (request: Request) => void {
  const path = schema.params && coercing.compile(schema.params);
  const query = schema.querystring && coercing.compile(schema.querystring);
  const body = schema.body && exact.compile(schema.body);
  return (request) => {
    const faults: Fault[] = [];
    if (path && !path(request.params)) faults.push(...explained("path", path.errors));
    if (query) {
      const given = { ...request.query };
      if (!query(given)) faults.push(...explained("query", query.errors));
      Object.defineProperty(request, "query", { value: given }); // Express reads it anew each time
    }
    if (body && !body(request.body)) faults.push(...explained("body", body.errors));
    if (faults.length > 0) throw invalid(faults);
  };
}

/** The problem of a request that is not valid. */
export function invalid(errors: readonly Fault[]): Problem {
  return new Problem(422, "The request is not valid.", { members: { errors } });
}

/** The first fault of each place. */
function explained(place: string, errors: readonly ErrorObject[] | null | undefined): Fault[] {
  const byPointer = new Map<string, Fault>();
  for (const fault of errors ?? []) {
    const pointer = fault.instancePath + refused(fault);
    const detail = fault.message ?? "is not valid";
    if (!byPointer.has(pointer)) byPointer.set(pointer, { in: place, pointer, detail });
  }
  return [...byPointer.values()];
}

/** The field that is too many or missing. */
function refused({ keyword, params }: ErrorObject): string {
  const name = keyword in REFUSED ? REFUSED[keyword as keyof typeof REFUSED] : "";
  const field: unknown = (params as Record<string, unknown>)[name];
  return typeof field === "string" ? `/${field.replaceAll("~", "~0").replaceAll("/", "~1")}` : "";
}
