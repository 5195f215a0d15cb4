import { redirect } from "next/navigation";

import { Dashboard } from "../components/Dashboard.tsx";
import { Shell } from "../components/Shell.tsx";
import { person } from "../generated/session.ts";

export default async function Home() {
  const who = await person();
  if (!who) redirect("/login");
  return (
    <Shell person={who.name}>
      <Dashboard />
    </Shell>
  );
}
