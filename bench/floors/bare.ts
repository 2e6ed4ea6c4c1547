import { createServer } from "node:http";

// What Node does with nobody in between: `bare.ts PORT JSON` answers every request with that text.

const [port, text = ""] = process.argv.slice(2);
const headers = { "Content-Type": "application/json; charset=utf-8", "Content-Length": Buffer.byteLength(text) };

createServer((_req, res) => {
  res.writeHead(200, headers);
  res.end(text);
}).listen(Number(port), "127.0.0.1");
