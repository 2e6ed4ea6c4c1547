import { newId } from "../../../lib/ids.ts";
import { admin } from "../../support/broker.ts";
import { freePort } from "../../support/config.ts";
import { header, startSmtp, type TestSmtp } from "../../support/smtp.ts";
import { eventually } from "../../support/wait.ts";
import { startWorld, type World } from "./world.ts";

const detailsOf = async (world: World, { data }: { data: object }) =>
  (await world.broker.call("notify.ofOrder", { orderId: (data as { orderId: string }).orderId })).map(
    ({ detail }) => detail,
  );

describe("e-mail over a mail server", () => {
  let smtp: TestSmtp;
  let world: World;

  beforeAll(async () => {
    smtp = await startSmtp();
    world = await startWorld({ SMTP_URL: smtp.url, MAIL_FROM: "shop@example.com" });
  });
  afterAll(async () => {
    await world.stop();
    await smtp.stop();
  });
  const receivedBy = (address: string) => smtp.received.filter(({ to }) => to.includes(address));

  it("arrives once, at the right person, as text and HTML, with its Chinese subject intact", async () => {
    const wei = world.person({ locale: "zh", name: "魏 <b>" });
    const event = world.about(wei, "order.shipped");

    await Promise.all([world.receive(event), world.receive(event)]);
    const [mail] = await eventually(() => {
      const mails = receivedBy(wei.email);
      return mails.length > 0 && mails;
    });
    await eventually(async () => (await detailsOf(world, event)).every(({ status }) => status === "SENT"));

    expect(receivedBy(wei.email)).toHaveLength(1);
    const ref = (event.data as { orderId: string }).orderId.slice(-8).toUpperCase();
    expect(mail).toMatchObject({ from: "shop@example.com", to: [wei.email], subject: `您的订单 ${ref} 已发货` });
    expect(mail?.messageId).toMatch(/^<[0-9a-f-]{36}@enterprise-hub>$/);
    expect(header(mail?.raw ?? "", "Content-Type")).toContain("multipart/alternative");
  });

  it("fails at once for a recipient the server refuses for good", async () => {
    const ann = world.person();
    smtp.refused.add(ann.email);
    const event = world.about(ann, "order.paid");

    await world.receive(event);

    await eventually(async () =>
      (await detailsOf(world, event)).some(({ channel, status }) => channel === "email" && status === "FAILED"),
    );
    expect(receivedBy(ann.email)).toEqual([]);
  });

  it("does not hide that SMS cannot be sent", async () => {
    const ann = world.person({ phone: "+44 20 1" });
    world.prefer(ann, "order.paid", ["sms"]);
    const event = world.about(ann, "order.paid");

    await world.receive(event);

    const details = await eventually(async () => {
      const found = await detailsOf(world, event);
      return found.some(({ status }) => status === "FAILED") && found;
    });
    expect(details).toEqual([{ channel: "sms", event: "order.paid", status: "FAILED" }]);
  });

  it("has no mailbox to look into", async () => {
    const looking = world.broker.call("notify.mailbox", {}, world.as(admin(newId())));

    await expect(looking).rejects.toMatchObject({ code: 404 });
  });

  it("sends a password reset", async () => {
    const ann = world.person();

    await world.broker.call("notify.sendPasswordReset", { contact: ann, token: "tok-123", minutes: 30 });

    const [mail] = await eventually(() => {
      const mails = receivedBy(ann.email);
      return mails.length > 0 && mails;
    });
    expect(mail?.raw).toContain("tok-123");
  });
});

describe("a mail server that is down", () => {
  it("gets the message once when it is back", async () => {
    const port = await freePort();
    const world = await startWorld({ SMTP_URL: `smtp://127.0.0.1:${port}` });
    const ann = world.person();
    const event = world.about(ann, "order.paid");
    await world.receive(event);
    await eventually(async () => (await detailsOf(world, event)).length === 2);
    expect((await detailsOf(world, event)).map(({ status }) => status)).toEqual(
      expect.arrayContaining(["SENT", "PENDING"]),
    );

    const smtp = await startSmtp(port);
    await eventually(async () => (await detailsOf(world, event)).every(({ status }) => status === "SENT"), 20_000);

    expect(smtp.received.map(({ to }) => to)).toEqual([[ann.email]]);
    await world.stop();
    await smtp.stop();
  });
});
