import { render } from "preact";
import { followLinks } from "../lib/router.ts";
import "../styles/base.css";
import "../styles/parts.css";
import "../styles/shop.css";
import { App } from "./app.tsx";
import { shopPaths } from "./paths.ts";
import { backFromPayment } from "./returning.ts";

followLinks(shopPaths);
backFromPayment();
const root = document.getElementById("app");
if (root) render(<App />, root);
