import { defineService, type Bus, type Ctx } from "../../contracts/bus.ts";
import { outboxArchive } from "../../lib/archive.ts";
import { normaliseEmail } from "../../lib/email.ts";
import { codeOf, messageOf, notFound } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import { defaultLimit, pageOfShort } from "../../lib/page.ts";
import { askedAsOwner, signedIn } from "../../middlewares/guard.middleware.ts";
import { archiveSweep } from "../../mixins/archive-sweep.ts";
import { auditLogMixin, type WithAuditLog } from "../../mixins/audit-log.mixin.ts";
import { dbMixin, type WithDatabase } from "../../mixins/db.mixin.ts";
import { entityMixin, type WithEntity } from "../../mixins/entity.mixin.ts";
import { outboxMixin, type WithOutbox } from "../../mixins/outbox.mixin.ts";
import { sweeperMixin } from "../../mixins/sweeper.mixin.ts";
import { changePassword, checkPassword, createAccount, ensureAdmin } from "./accounts.ts";
import {
  addressesRepository,
  addressModel,
  type AddressesRepository,
  type AddressRow,
} from "./addresses.repository.ts";
import { exportUser } from "./export-user.ts";
import { migrations } from "./migrations/index.ts";
import { changeAccess, erase, profileOf, type User } from "./user.ts";
import { usersRepository, type UsersRepository } from "./users.repository.ts";

interface Vars extends WithDatabase, WithAuditLog, WithOutbox, WithEntity<AddressRow> {
  users: UsersRepository;
  addresses: AddressesRepository;
}

type Members = Vars & { broker: Bus; logger: { warn(event: string, fields: object): void } };

const now = Date.now;

function there(user: User | null): User {
  if (!user) throw notFound("user");
  return user;
}

/** Ends sessions at once where it can; the event that was committed before ends them where it cannot. */
async function endSessions(service: Members, userId: string): Promise<void> {
  try {
    await service.broker.call("auth.revokeUser", { userId });
  } catch (error) {
    service.logger.warn("sessions end when the event arrives", { userId, error: messageOf(error) });
  }
}

/** Has the audit log tell of it if the address that somebody named is another's. */
function noteForeign({ auditLog, addresses }: Vars, ctx: Ctx, id: string): void {
  const deed = { action: "access.refused", target: `address ${id}`, outcome: "refused" } as const;
  auditLog.noteSoon(ctx, deed, () => addresses.exists(id));
}

async function notingForeign<T>(service: Vars, ctx: Ctx, id: string, change: Promise<T>): Promise<T> {
  return change.catch((error: unknown) => {
    if (codeOf(error) === "NOT_FOUND") noteForeign(service, ctx, id);
    throw error;
  });
}

export default defineService<"users", Vars>({
  name: "users",
  mixins: [
    dbMixin(migrations),
    auditLogMixin(),
    entityMixin(addressModel),
    // by its events sessions of who lost a role, or was disabled, end also when auth was away
    outboxMixin({ isUrgent: true }),
    sweeperMixin([archiveSweep([outboxArchive])]),
  ],

  actions: {
    async me(ctx) {
      return profileOf(there(await this.users.find(signedIn(ctx).id)));
    },
    async updateMe(ctx) {
      return profileOf(there(await this.users.rename(signedIn(ctx).id, ctx.params)));
    },
    async eraseMe(ctx) {
      const { id } = signedIn(ctx);
      const note = this.auditLog.note(ctx, { action: "data.erase", target: `user ${id}` });
      if (!(await this.users.change(id, erase, now(), note))) throw notFound("user");
      await endSessions(this, id);
      return null;
    },
    async exportMe(ctx) {
      const user = there(await this.users.find(signedIn(ctx).id));
      const all = await exportUser({ bus: ctx, users: this.users, addresses: this.addresses }, user);
      await this.db.transaction(this.auditLog.note(ctx, { action: "data.export", target: `user ${user.id}` }));
      return all;
    },

    async addresses(ctx) {
      const { id } = there(await this.users.find(signedIn(ctx).id));
      return pageOfShort(await this.addresses.ofUser(id), ctx.params);
    },
    addAddress(ctx) {
      return this.addresses.add(signedIn(ctx).id, newId(), ctx.params);
    },
    changeAddress(ctx) {
      const { id, ...change } = ctx.params;
      return notingForeign(this, ctx, id, this.addresses.change(askedAsOwner(ctx).id, id, change));
    },
    async removeAddress(ctx) {
      const { id } = ctx.params;
      await notingForeign(this, ctx, id, this.addresses.remove(askedAsOwner(ctx).id, id));
      return null;
    },
    async preferences(ctx) {
      const { id } = there(await this.users.find(signedIn(ctx).id));
      return this.users.preferences(id);
    },
    async setPreferences(ctx) {
      if (!(await this.users.setPreferences(signedIn(ctx).id, ctx.params))) throw notFound("user");
      return ctx.params;
    },

    async list(ctx) {
      const { limit = defaultLimit, cursor, email } = ctx.params;
      if (email !== undefined) {
        const user = await this.users.findByEmail(normaliseEmail(email));
        return { items: user ? [profileOf(user)] : [], nextCursor: null };
      }
      const page = await this.users.list({ limit, cursor });
      return { ...page, items: page.items.map(profileOf) };
    },
    async get(ctx) {
      return profileOf(there(await this.users.find(ctx.params.id)));
    },
    async update(ctx) {
      const { id, roles, status } = ctx.params;
      const note = this.auditLog.note(ctx, {
        action: "access.change",
        target: `user ${id}`,
        detail: { ...(roles ? { roles } : {}), ...(status ? { status } : {}) },
      });
      const decide = (user: User, others: number) => changeAccess(user, { roles, status }, others);
      const done = await this.users.change(id, decide, now(), note);
      if (!done) throw notFound("user");
      if (done.change) await endSessions(this, id);
      return profileOf(done.user);
    },

    async create(ctx) {
      return profileOf(await createAccount({ users: this.users, now, newId }, ctx.params));
    },
    async checkPassword(ctx) {
      const user = await checkPassword(this, ctx.params);
      return user && profileOf(user);
    },
    async changePassword(ctx) {
      const { userId, currentPassword } = ctx.params;
      const action = currentPassword === null ? "password.reset" : "password.change";
      await changePassword(
        this,
        ctx.params,
        this.auditLog.note(ctx, { action, target: `user ${userId}`, actor: userId }),
      );
      return null;
    },
    async byId(ctx) {
      const user = await this.users.find(ctx.params.id);
      return user && profileOf(user);
    },
    async byEmail(ctx) {
      const user = await this.users.findByEmail(normaliseEmail(ctx.params.email));
      return user && profileOf(user);
    },
    async address(ctx) {
      const { userId, addressId } = ctx.params;
      const address = await this.addresses.find(userId, addressId);
      if (!address) noteForeign(this, ctx, addressId);
      return address;
    },
    contact(ctx) {
      return this.users.contact(ctx.params.id);
    },
    ensureAdmin(ctx) {
      return ensureAdmin({ users: this.users, now, newId }, ctx.params);
    },
  },

  started() {
    this.users = usersRepository(this.db, this.outbox);
    this.addresses = addressesRepository(this.adapter, this.users);
  },
});
