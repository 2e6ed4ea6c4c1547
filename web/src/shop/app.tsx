import { useEffect } from "preact/hooks";
import { match, path } from "../lib/router.ts";
import { user } from "../lib/session.ts";
import { ConnectionBar } from "../ui/connection-bar.tsx";
import { Toasts } from "../ui/toast.tsx";
import { Footer, Header } from "./chrome.tsx";
import { followNotifications } from "./notifications.ts";
import { Account } from "./pages/account.tsx";
import { BasketPage } from "./pages/basket.tsx";
import { Catalogue } from "./pages/catalogue.tsx";
import { Checkout } from "./pages/checkout.tsx";
import { ForgotPassword } from "./pages/forgot-password.tsx";
import { NotFound } from "./pages/not-found.tsx";
import { Notifications } from "./pages/notifications.tsx";
import { OrderPage } from "./pages/order.tsx";
import { Orders } from "./pages/orders.tsx";
import { ProductPage } from "./pages/product.tsx";
import { Register, SignIn } from "./pages/sign-in.tsx";
import { shopPaths } from "./paths.ts";

export function App() {
  useEffect(() => followNotifications(), []);
  return (
    <>
      <Header />
      <ConnectionBar />
      <main id="content" tabIndex={-1}>
        <CurrentPage />
      </main>
      <Footer />
      <Toasts />
    </>
  );
}

const forUsers: readonly string[] = ["/checkout", "/orders", "/orders/:id", "/notifications", "/account"];

function CurrentPage() {
  const now = path.value;
  for (const pattern of shopPaths) {
    const params = match(pattern, now);
    if (!params) continue;
    if (forUsers.includes(pattern) && user.value === null) return <SignIn then={now} />;
    return page(pattern, params);
  }
  return <NotFound />;
}

function page(pattern: (typeof shopPaths)[number], { id = "", sku = "" }: Record<string, string>) {
  switch (pattern) {
    case "/":
      return <Catalogue />;
    case "/products/:sku":
      return <ProductPage key={sku} sku={sku} />;
    case "/basket":
      return <BasketPage />;
    case "/checkout":
      return <Checkout />;
    case "/sign-in":
      return <SignIn then={null} />;
    case "/register":
      return <Register />;
    case "/forgot-password":
      return <ForgotPassword />;
    case "/orders":
      return <Orders />;
    case "/orders/:id":
      return <OrderPage key={id} id={id} />;
    case "/notifications":
      return <Notifications />;
    case "/account":
      return <Account />;
  }
}
