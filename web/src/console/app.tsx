import type { ComponentChildren } from "preact";
import { match, path } from "../lib/router.ts";
import { isAdmin, isStaff, signOut, user } from "../lib/session.ts";
import { Empty, Heading } from "../ui/bits.tsx";
import { ConnectionBar } from "../ui/connection-bar.tsx";
import { Toasts } from "../ui/toast.tsx";
import { Sidebar } from "./sidebar.tsx";
import { Audit } from "./pages/audit.tsx";
import { DeadLetters } from "./pages/dead-letters.tsx";
import { Doctor } from "./pages/doctor.tsx";
import { Mailbox } from "./pages/mailbox.tsx";
import { Nodes } from "./pages/nodes.tsx";
import { OrderPage } from "./pages/order.tsx";
import { Orders } from "./pages/orders.tsx";
import { Overview } from "./pages/overview.tsx";
import { Settings } from "./pages/settings.tsx";
import { SignIn } from "./pages/sign-in.tsx";
import { Stock } from "./pages/stock.tsx";
import { Users } from "./pages/users.tsx";
import { consolePaths } from "./paths.ts";
import { t } from "./words.ts";

export function App() {
  return (
    <>
      <ConnectionBar />
      <div class="console">
        <Sidebar />
        <main id="content" tabIndex={-1}>
          <CurrentPage />
        </main>
      </div>
      <Toasts />
    </>
  );
}

/** The pages that support may see; the others are for administrators alone. */
const forSupport: readonly string[] = ["/console/orders", "/console/orders/:id"];

function CurrentPage() {
  const now = path.value;
  for (const pattern of consolePaths) {
    const params = match(pattern, now);
    if (!params) continue;
    if (user.value === null || pattern === "/console/sign-in") return <SignIn />;
    if (!isStaff.value) return <Forbidden />;
    // support begins where its work is
    if (!isAdmin.value && pattern === "/console") return <Orders />;
    if (!isAdmin.value && !forSupport.includes(pattern)) return <Forbidden />;
    return page(pattern, params);
  }
  return <Heading title={t("notFound.title")} />;
}

function page(pattern: (typeof consolePaths)[number], { id = "" }: Record<string, string>): ComponentChildren {
  switch (pattern) {
    case "/console":
      return <Overview />;
    case "/console/sign-in":
      return <SignIn />;
    case "/console/nodes":
      return <Nodes />;
    case "/console/orders":
      return <Orders />;
    case "/console/orders/:id":
      return <OrderPage key={id} id={id} />;
    case "/console/stock":
      return <Stock />;
    case "/console/users":
      return <Users />;
    case "/console/dead-letters":
      return <DeadLetters />;
    case "/console/doctor":
      return <Doctor />;
    case "/console/mailbox":
      return <Mailbox />;
    case "/console/settings":
      return <Settings />;
    case "/console/audit":
      return <Audit />;
  }
}

function Forbidden() {
  return (
    <>
      <Heading title={t("forbidden.title")} />
      <Empty title={t("forbidden.text", { email: user.value?.email ?? "" })}>
        <button type="button" class="button" onClick={() => void signOut()}>
          {t("forbidden.other")}
        </button>
      </Empty>
    </>
  );
}
