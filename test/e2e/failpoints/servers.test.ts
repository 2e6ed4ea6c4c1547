import { startPrivateBacking, type Backing } from "../../../scripts/backing/index.ts";
import { describeFailpoints, FailpointMatrix } from "../../support/failpoint-matrix.ts";

let servers: Backing<"nats" | "amqp">;

afterAll(() => servers.stop());

describeFailpoints("a node on MySQL, NATS and RabbitMQ that fails at every failpoint", async () => {
  servers = await startPrivateBacking(["nats", "amqp"]);
  return FailpointMatrix.start("MySQL", { TRANSPORTER: servers.nats.url, AMQP_URL: servers.amqp.url });
});
