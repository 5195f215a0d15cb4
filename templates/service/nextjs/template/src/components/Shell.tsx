import Link from "next/link";
import type { ReactNode } from "react";

import { apis } from "../generated/apis.ts";
import { TITLE } from "../generated/identity.ts";
import { LogOut } from "./LogOut.tsx";

interface Props {
  readonly person: string;
  readonly current?: string;
  readonly children: ReactNode;
}

/** The frame of the pages that one sees after logging in. */
export function Shell({ person, current = "/", children }: Props) {
  const shown = Object.entries(apis).filter(([, { resources }]) => Object.keys(resources).length);
  return (
    <div className="flex min-h-screen flex-col md:flex-row">
      <nav
        aria-label="Main"
        className="border-b border-slate-200 bg-white p-5 md:w-60 md:shrink-0 md:border-r md:border-b-0 dark:border-slate-800 dark:bg-slate-900"
      >
        <p className="mb-6 text-lg font-semibold">{TITLE}</p>
        <Entry href="/" current={current}>
          Dashboard
        </Entry>
        {shown.map(([name, { title, resources }]) => (
          <section key={name} className="mt-5">
            <h2 className="px-3 pb-1 text-xs font-medium tracking-wide text-slate-400 uppercase">
              {title}
            </h2>
            {Object.entries(resources).map(([key, resource]) => (
              <Entry key={key} href={`/${name}/${key}`} current={current}>
                {resource.title}
              </Entry>
            ))}
          </section>
        ))}
      </nav>
      <div className="min-w-0 flex-1">
        <header className="flex items-center justify-end gap-4 border-b border-slate-200 px-8 py-3 text-sm dark:border-slate-800">
          <span className="text-slate-500 dark:text-slate-400">{person}</span>
          <LogOut />
        </header>
        <main className="mx-auto max-w-6xl space-y-6 p-8">{children}</main>
      </div>
    </div>
  );
}

interface EntryProps {
  readonly href: string;
  readonly current: string;
  readonly children: ReactNode;
}

function Entry({ href, current, children }: EntryProps) {
  const here = href === current;
  const look = here
    ? "bg-accent/10 font-medium text-accent"
    : "hover:bg-slate-100 dark:hover:bg-slate-800";
  return (
    <Link
      href={href}
      aria-current={here ? "page" : undefined}
      className={`block rounded-lg px-3 py-1.5 text-sm ${look}`}
    >
      {children}
    </Link>
  );
}
