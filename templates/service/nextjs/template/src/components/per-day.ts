import type { Item } from "../generated/apis.ts";

const DAY_MS = 24 * 3600 * 1000;

/** How many were created on each of the last seven days, today last. */
export function perDay(
  items: readonly Item[],
  today: Date,
): readonly { day: string; created: number }[] {
  const counted = new Map<string, number>();
  for (const { created_at } of items) {
    const day = created_at.slice(0, 10);
    counted.set(day, (counted.get(day) ?? 0) + 1);
  }
  return Array.from({ length: 7 }, (_, index) => {
    const date = new Date(today.getTime() - (6 - index) * DAY_MS).toISOString().slice(0, 10);
    return { day: date.slice(5), created: counted.get(date) ?? 0 };
  });
}
