import { configOf } from "../../config.ts";
import { defineService, type Bus } from "../../contracts/bus.ts";
import { earlierClock, inboxArchive } from "../../lib/archive.ts";
import type { Caller } from "../../lib/audit-log.ts";
import type { Revocation } from "../../contracts/auth.ts";
import { isOutage } from "../../lib/database-errors.ts";
import { messageOf } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { liveOf } from "../../lib/live-settings.ts";
import { derivedKeys } from "../../lib/secrets.ts";
import { signedIn } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { consumerMixin } from "../../mixins/consumer.mixin.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, patiently, type WithDatabase } from "../../mixins/db.mixin.ts";
import { sweeperMixin } from "../../mixins/sweeper.mixin.ts";
import { attemptsRepository } from "./attempts.repository.ts";
import { changePassword, resetPassword, sendResetToken } from "./change-password.ts";
import type { Deps } from "./deps.ts";
import { Errands } from "./errands.ts";
import { expiredRepository } from "./expired.repository.ts";
import { openKeyRing, reloadMs } from "./key-ring.ts";
import { keysRepository } from "./keys.repository.ts";
import { migrations } from "./migrations/index.ts";
import { logIn, registerAccount } from "./open-session.ts";
import { logOut, refreshSession } from "./refresh-session.ts";
import { resetsRepository } from "./resets.repository.ts";
import { revocationsRepository, type RevocationsRepository } from "./revocations.repository.ts";
import { sessionsRepository } from "./sessions.repository.ts";

interface Vars extends WithDatabase, WithAuditLog {
  deps: Omit<Deps, "bus" | "caller">;
  revocations: RevocationsRepository;
  /** Sending e-mail takes time that would tell whether there is an account. */
  errands: Errands;
}

const now = Date.now;
const sweepBatch = 500;
const sweepMs = 30_000;

const depsOf = (service: Vars, bus: Bus, caller: Caller = { meta: {} }): Deps => ({ ...service.deps, bus, caller });

export default defineService<"auth", Vars>({
  name: "auth",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    consumerMixin(),
    sweeperMixin([
      {
        name: "keys",
        everyMs: reloadMs,
        async pass(this: Vars) {
          const note = this.auditLog.note({ meta: {} }, { action: "key.rotation", target: "signing keys" });
          await this.deps.keyRing.rotateIfDue(now(), note);
          return false;
        },
      },
      {
        name: "expired",
        everyMs: sweepMs,
        async pass(this: Vars) {
          return expiredRepository(this.db).sweep(await earlierClock(this.db), sweepBatch);
        },
      },
      archiveSweep([inboxArchive]),
    ]),
  ],

  actions: {
    register(ctx) {
      const { clientAddress } = ctx.meta;
      return registerAccount(depsOf(this, ctx, ctx), ctx.params, clientAddress);
    },
    login(ctx) {
      const { clientAddress } = ctx.meta;
      return logIn(depsOf(this, ctx, ctx), ctx.params, clientAddress);
    },
    refresh(ctx) {
      return refreshSession(depsOf(this, ctx, ctx), ctx.params.refreshToken);
    },
    async logout(ctx) {
      await logOut(depsOf(this, ctx, ctx), ctx.params.refreshToken);
      return null;
    },
    async logoutAll(ctx) {
      const { id } = signedIn(ctx);
      const note = this.auditLog.note(ctx, { action: "logout", target: `user ${id}` });
      this.deps.announce(await this.deps.sessions.endAll(id, undefined, note));
      return null;
    },
    async changePassword(ctx) {
      const user = signedIn(ctx);
      await changePassword(depsOf(this, ctx), user, ctx.params);
      return null;
    },
    forgotPassword(ctx) {
      const { email } = ctx.params;
      this.errands.start(() => sendResetToken(depsOf(this, this.broker), email));
      return null;
    },
    async resetPassword(ctx) {
      await resetPassword(depsOf(this, ctx), ctx.params);
      return null;
    },
    async rotateKeys(ctx) {
      const note = this.auditLog.note(ctx, { action: "key.rotation", target: "signing keys" });
      return this.deps.keyRing.rotate(now(), note);
    },
    refused(ctx) {
      const { code, method, path } = ctx.params;
      const detail = { code, method, path };
      this.auditLog.noteSoon(ctx, { action: "access.refused", target: "route", outcome: "refused", detail });
      return null;
    },
    keys() {
      return { keys: this.deps.keyRing.published(now()) };
    },
    revocations(ctx) {
      return this.revocations.after(ctx.params.after, now());
    },
    sessionsOf(ctx) {
      return this.deps.sessions.ofUser(ctx.params.userId);
    },
    async revokeUser(ctx) {
      this.deps.announce(await this.deps.sessions.endAll(ctx.params.userId));
      return null;
    },
  },

  methods: {
    // a node calls this before it stops its services, while those that send e-mail still run
    drain(this: Vars) {
      // undefined when the service could not start
      return (this.errands as Errands | undefined)?.finished();
    },
  },

  consumes: {
    // An update is a fact only when roles or status changed, and then what the tokens say is out of date.
    async "user.updated"({ data, time }, delivery) {
      const cause = { beforeMs: Date.parse(time), delivery };
      this.deps.announce(await this.deps.sessions.endAll(data.userId, cause));
    },
    async "user.erased"({ data, time }, delivery) {
      const cause = { beforeMs: Date.parse(time), delivery };
      this.deps.announce(await this.deps.sessions.forget(data.userId, cause));
    },
  },

  async started() {
    const config = configOf(this.broker);
    const live = liveOf(this.broker);
    this.errands = new Errands((error) => this.logger.warn("reset token not sent", { error: messageOf(error) }));
    this.revocations = revocationsRepository(this.db);
    const keys = { keys: keysRepository(this.db), secrets: derivedKeys(config, "signing-key-encryption"), newId };
    this.deps = {
      limits: () => live.values,
      sessions: sessionsRepository(this.db, this.revocations, now),
      attempts: attemptsRepository(this.db, newId),
      resets: resetsRepository(this.db),
      keyRing: await patiently(this, () => openKeyRing(keys, now()), isOutage),
      refreshKeys: derivedKeys(config, "refresh-tokens"),
      announce: (revocations: readonly Revocation[]) => {
        for (const revocation of revocations) void this.broker.broadcast("auth.revoked", revocation);
      },
      audit: this.auditLog,
      now,
      newId,
    };
  },
  async stopped() {
    await (this.errands as Errands | undefined)?.finished();
  },
});
