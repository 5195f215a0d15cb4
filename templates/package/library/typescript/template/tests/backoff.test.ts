import { describe, expect, it } from "vitest";

import { backoff } from "../src/index.js";

describe("backoff", () => {
  it.each([
    { attempt: 0, delay: 100 },
    { attempt: 1, delay: 200 },
    { attempt: 3, delay: 800 },
    { attempt: 9, delay: 30_000 },
    { attempt: 10_000, delay: 30_000 },
  ])("waits $delay ms before retry $attempt", ({ attempt, delay }) => {
    expect(backoff(attempt)).toBe(delay);
  });

  it("keeps to the bounds that it is given", () => {
    expect([0, 1, 2].map((attempt) => backoff(attempt, { base: 10, cap: 15 }))).toEqual([
      10, 15, 15,
    ]);
  });

  it.each([-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses %d as an attempt",
    (attempt) => {
      expect(() => backoff(attempt)).toThrow(RangeError);
    },
  );

  it.each([{ base: 0 }, { base: -1 }, { base: 2, cap: 1 }, { cap: Number.NaN }])(
    "refuses the bounds %o",
    (options) => {
      expect(() => backoff(0, options)).toThrow(RangeError);
    },
  );
});
