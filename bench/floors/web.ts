import { ServiceBroker, type ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";

// What Moleculer and moleculer-web do with an action that does nothing: `web.ts PORT JSON` answers with that value. One
// route and one alias, and no log, which would cost a tenth to a third.

const [port, text = "null"] = process.argv.slice(2);
const value: unknown = JSON.parse(text);
const broker = new ServiceBroker({ logger: false });

broker.createService({ name: "floor", actions: { empty: () => value } });
broker.createService({
  name: "api",
  mixins: [ApiGateway as unknown as ServiceSchema],
  settings: {
    port: Number(port),
    ip: "127.0.0.1",
    routes: [{ path: "/", mappingPolicy: "restrict", aliases: { "GET /empty": "floor.empty" } }],
  },
});
await broker.start();
