import Link from "next/link";

export default function NotFound() {
  return (
    <main className="grid min-h-screen place-items-center p-6 text-center">
      <div className="space-y-3">
        <p className="text-6xl font-semibold text-accent">404</p>
        <h1 className="text-xl">There is no such page.</h1>
        <Link href="/" className="text-accent underline">
          Back to the dashboard
        </Link>
      </div>
    </main>
  );
}
