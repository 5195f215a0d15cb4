"use client";

import { useInfiniteQuery } from "@tanstack/react-query";
import { useState } from "react";

import { list, type Resource, sortable } from "../generated/apis.ts";

const ROWS = 20;
const MARKS = { ascending: " ↑", descending: " ↓", none: "" };

/** Everything of a resource, part by part. */
export function ResourceTable({ resource }: { readonly resource: Resource }) {
  const [sort, setSort] = useState("");
  const { data, error, isPending, hasNextPage, fetchNextPage, isFetchingNextPage } =
    useInfiniteQuery({
      queryKey: [resource.path, sort],
      queryFn: ({ pageParam }) =>
        list(resource, {
          limit: ROWS,
          ...(sort && { sort }),
          ...(pageParam && { cursor: pageParam }),
        }),
      initialPageParam: "",
      getNextPageParam: (page) => page.next_cursor,
    });
  const items = data?.pages.flatMap((page) => page.items) ?? [];
  const columns = [...Object.keys(resource.fields), "created_at"];
  return (
    <>
      <h1 className="text-2xl font-semibold">{resource.title}</h1>
      <div className="card overflow-x-auto p-0">
        <table className="w-full text-left text-sm">
          <thead className="border-b border-slate-200 text-xs text-slate-500 uppercase dark:border-slate-800">
            <tr>
              {columns.map((name) => (
                <th
                  key={name}
                  scope="col"
                  aria-sort={direction(name, sort)}
                  className="px-4 py-3 font-medium whitespace-nowrap"
                >
                  {sortable(resource, name) ? (
                    <button
                      type="button"
                      className="cursor-pointer uppercase hover:text-accent"
                      onClick={() => {
                        setSort(next(name, sort));
                      }}
                    >
                      {name.replaceAll("_", " ") + MARKS[direction(name, sort)]}
                    </button>
                  ) : (
                    name.replaceAll("_", " ")
                  )}
                </th>
              ))}
            </tr>
          </thead>
          <tbody className="divide-y divide-slate-100 dark:divide-slate-800">
            {items.map((item) => (
              <tr key={item.id} className="hover:bg-slate-50 dark:hover:bg-slate-800/50">
                {columns.map((name) => (
                  <td key={name} className="max-w-xs truncate px-4 py-2.5 whitespace-nowrap">
                    {shown(Object.entries(item).find(([key]) => key === name)?.[1])}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
        {error && (
          <p role="alert" className="p-6 text-amber-600 dark:text-amber-400">
            {error.message}
          </p>
        )}
        {!error && items.length === 0 && (
          <p className="p-6 text-slate-500">{isPending ? "One moment …" : "There are none yet."}</p>
        )}
      </div>
      {hasNextPage && (
        <button
          type="button"
          className="button"
          disabled={isFetchingNextPage}
          onClick={() => void fetchNextPage()}
        >
          Show more
        </button>
      )}
    </>
  );
}

/** How a column is sorted by what the list was asked for. */
function direction(name: string, sort: string): keyof typeof MARKS {
  if (sort === name) return "ascending";
  return sort === `-${name}` ? "descending" : "none";
}

/** What to ask for after a click: up, then down, then as it was. */
function next(name: string, sort: string): string {
  return { ascending: `-${name}`, descending: "", none: name }[direction(name, sort)];
}

/** A value as a person reads it. */
function shown(value: unknown): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  const text = typeof value === "string" ? value : JSON.stringify(value);
  const moment = /^\d{4}-\d\d-\d\dT/.test(text) ? new Date(text) : undefined;
  return moment ? moment.toISOString().slice(0, 16).replace("T", " ") : text;
}
