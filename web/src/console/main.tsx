import { render } from "preact";
import { followLinks } from "../lib/router.ts";
import "../styles/base.css";
import "../styles/parts.css";
import "../styles/console.css";
import { App } from "./app.tsx";
import { consolePaths } from "./paths.ts";

followLinks(consolePaths);
const root = document.getElementById("app");
if (root) render(<App />, root);
