import type { Metadata } from "next";
import { notFound, redirect } from "next/navigation";

import { ResourceTable } from "../../../components/ResourceTable.tsx";
import { Shell } from "../../../components/Shell.tsx";
import { apis } from "../../../generated/apis.ts";
import { person } from "../../../generated/session.ts";

interface Props {
  readonly params: Promise<{ service: string; resource: string }>;
}

export async function generateMetadata({ params }: Props): Promise<Metadata> {
  const { service, resource } = await params;
  return { title: apis[service]?.resources[resource]?.title ?? "Not found" };
}

export default async function ResourcePage({ params }: Props) {
  const { service, resource } = await params;
  const found = apis[service]?.resources[resource];
  if (!found) notFound();
  const who = await person();
  if (!who) redirect("/login");
  return (
    <Shell person={who.name} current={`/${service}/${resource}`}>
      <ResourceTable resource={found} />
    </Shell>
  );
}
