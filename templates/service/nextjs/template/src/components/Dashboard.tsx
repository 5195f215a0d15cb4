"use client";

import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { Area, AreaChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from "recharts";

import { type Api, apis, list, type Resource } from "../generated/apis.ts";
import { perDay } from "./per-day.ts";

const RECENT = 100;

interface Status {
  readonly name: string;
  readonly status: "up" | "down";
}

/** The services of the platform and what they hold. */
export function Dashboard() {
  const { data = [] } = useQuery({
    queryKey: ["services"],
    queryFn: async () => {
      const answer = await fetch("/api/services");
      if (!answer.ok) throw new Error("The services cannot be asked.");
      return (await answer.json()) as Status[];
    },
  });
  const status = new Map(data.map((one) => [one.name, one.status]));
  const entries = Object.entries(apis);
  return (
    <>
      <h1 className="text-2xl font-semibold">Dashboard</h1>
      {entries.length === 0 && (
        <p className="card">
          Name the services that this application shows in <code>uses</code> of its blueprint, then
          generate it again.
        </p>
      )}
      {entries.map(([name, api]) => (
        <Service key={name} name={name} api={api} status={status.get(name)} />
      ))}
    </>
  );
}

interface ServiceProps {
  readonly name: string;
  readonly api: Api;
  readonly status: "up" | "down" | undefined;
}

function Service({ name, api, status }: ServiceProps) {
  const look = { up: "bg-emerald-500", down: "bg-red-500" };
  return (
    <section aria-label={api.title} className="space-y-3">
      <h2 className="flex items-center gap-2 font-medium">
        <span className={`size-2.5 rounded-full ${status ? look[status] : "bg-slate-300"}`} />
        {api.title}
        <span className="text-sm font-normal text-slate-500">{status ?? "…"}</span>
      </h2>
      <div className="grid gap-4 sm:grid-cols-2 lg:grid-cols-3">
        {Object.entries(api.resources).map(([key, resource]) => (
          <Summary key={key} href={`/${name}/${key}`} resource={resource} />
        ))}
      </div>
    </section>
  );
}

interface SummaryProps {
  readonly href: string;
  readonly resource: Resource;
}

function Summary({ href, resource }: SummaryProps) {
  const { data, error } = useQuery({
    queryKey: [resource.path, RECENT],
    queryFn: () => list(resource, { limit: RECENT }),
  });
  const count = data ? `${data.items.length}${data.next_cursor ? "+" : ""}` : "…";
  return (
    <Link href={href} className="card block transition hover:border-accent">
      <h3 className="text-sm text-slate-500 dark:text-slate-400">{resource.title}</h3>
      <p className="mt-1 text-3xl font-semibold tabular-nums">{error ? "–" : count}</p>
      {error ? (
        <p role="status" className="mt-3 text-sm text-amber-600 dark:text-amber-400">
          {error.message}
        </p>
      ) : (
        <div className="mt-3 h-24">
          <ResponsiveContainer width="100%" height="100%">
            <AreaChart
              data={perDay(data?.items ?? [], new Date())}
              margin={{ top: 4, left: -30, right: 4, bottom: -8 }}
            >
              <XAxis dataKey="day" fontSize={10} tickLine={false} />
              <YAxis allowDecimals={false} fontSize={10} tickLine={false} axisLine={false} />
              <Tooltip />
              <Area
                type="monotone"
                dataKey="created"
                stroke="var(--color-accent)"
                fill="var(--color-accent)"
                fillOpacity={0.15}
                isAnimationActive={false}
              />
            </AreaChart>
          </ResponsiveContainer>
        </div>
      )}
    </Link>
  );
}
