/** What code may throw to end a request. */

/** Throw it to end a request with a problem document. */
export class Problem extends Error {
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    detail: string,
    options: ErrorOptions & { members?: Record<string, unknown> } = {},
  ) {
    super(detail, options);
    this.status = status;
    this.members = options.members ?? {};
  }
}
