/** The bounds of the delays, in milliseconds. */
export interface BackoffOptions {
  /** The delay before the first retry; 100 unless given. */
  readonly base?: number;
  /** The longest delay; 30 000 unless given. */
  readonly cap?: number;
}

/**
 * The delay before a retry, in milliseconds: it doubles with each attempt until it reaches the cap.
 *
 * @param attempt - how many retries came before, from 0
 * @throws RangeError if `attempt` is not a whole number from 0, or the bounds are not `0 < base <= cap`
 *
 * @example
 * ```ts
 * backoff(3); // 800
 * ```
 */
export function backoff(attempt: number, options: BackoffOptions = {}): number {
  const { base = 100, cap = 30_000 } = options;
  if (!Number.isSafeInteger(attempt) || attempt < 0) {
    throw new RangeError(`attempt must be a whole number from 0, got ${attempt}`);
  }
  if (!(base > 0 && base <= cap)) {
    throw new RangeError(`0 < base <= cap must hold, got base ${base} and cap ${cap}`);
  }
  return Math.min(cap, base * 2 ** attempt);
}
