/** Where a parameter goes: name, location, style, explode, and whether it is written as JSON or left unescaped. */
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header" | "cookie" | "querystring";
  readonly style: string;
  readonly explode: boolean;
  readonly json?: boolean;
  readonly reserved?: boolean;
}

export type Kind = "json" | "form" | "multipart" | "text" | "binary" | "jsonl" | "sse" | "event" | "none";

/** One way to write the body. */
export interface Body {
  readonly media: string;
  readonly kind: Kind;
  readonly jsonParts?: readonly string[];
  readonly partTypes?: Readonly<Record<string, string>>;
}

/** What a status comes with: `200`, `2XX` or `default`. */
export interface Answer {
  readonly status: string;
  readonly kind: Kind;
  readonly media: string;
}

/** An operation as data. */
export interface Operation {
  readonly method: string;
  readonly path: string;
  readonly parameters: readonly Parameter[];
  readonly bodies: readonly Body[];
  readonly answers: readonly Answer[];
  readonly security: readonly (readonly string[])[];
  readonly accept: string;
  readonly server?: string;
}

function rank(answer: Answer, status: number): number {
  const said = answer.status.toUpperCase();
  if (said === String(status)) return 3;
  if (said.endsWith("XX") && said[0] === String(status)[0]) return 2;
  return said === "DEFAULT" ? 1 : 0;
}

/** What the document says about a status with a media type. */
export function answerFor(operation: Operation, status: number, media: string): Answer | undefined {
  const best = Math.max(0, ...operation.answers.map((answer) => rank(answer, status)));
  const fitting = operation.answers.filter((answer) => best > 0 && rank(answer, status) === best);
  const name = (text: string): string => (text.split(";")[0] ?? "").trim().toLowerCase();
  return fitting.find((answer) => name(answer.media) === name(media)) ?? fitting[0];
}
