import { Type, type Static } from "@sinclair/typebox";
import { action, type TypesOf } from "./action.ts";
import {
  ById,
  closed,
  Email,
  Id,
  line,
  Locale,
  NoParams,
  Nothing,
  nullable,
  pageOf,
  pageParams,
  Role,
  Time,
} from "./shapes.ts";
import { Country } from "./countries.ts";
import { EventTypeSchema } from "./events.ts";

export const UserStatus = Type.Union([Type.Literal("active"), Type.Literal("disabled")]);

export const Profile = Type.Object(
  {
    id: Id,
    email: Email,
    name: Type.String(),
    locale: Locale,
    roles: Type.Array(Role),
    status: UserStatus,
    createdAt: Time,
  },
  closed,
);
export type Profile = Static<typeof Profile>;

const addressFields = {
  name: line(120),
  line1: line(200),
  line2: Type.Optional(nullable(line(200))),
  city: line(120),
  region: Type.Optional(nullable(line(120))),
  postalCode: line(20),
  country: Country,
  phone: Type.Optional(nullable(Type.String({ pattern: "^\\+?[0-9 ().-]{5,30}$" }))),
};
export const NewAddress = Type.Object(addressFields, closed);
export const AddressChange = Type.Object({ id: Id, ...Type.Partial(NewAddress).properties }, closed);
export const Address = Type.Object(
  {
    id: Id,
    ...addressFields,
    line2: Type.Optional(nullable(Type.String())),
    region: Type.Optional(nullable(Type.String())),
    phone: Type.Optional(nullable(Type.String())),
  },
  closed,
);
export type NewAddress = Static<typeof NewAddress>;
export type Address = Static<typeof Address>;

export const Channel = Type.Union([Type.Literal("in_app"), Type.Literal("email"), Type.Literal("sms")]);
export type Channel = Static<typeof Channel>;

/** The channels each event goes over for one person; an event that is not named goes over the default ones. */
export const NotificationPreferences = Type.Object(
  {
    events: Type.Partial(Type.Record(EventTypeSchema, Type.Array(Channel, { maxItems: 3, uniqueItems: true })), closed),
  },
  closed,
);
export type NotificationPreferences = Static<typeof NotificationPreferences>;

export const Password = Type.String({ minLength: 8, maxLength: 128 });

/**
 * A password takes a core some 50 ms, so more at a time only makes each slower, and who waits behind 100 others waits long
 * enough. One of Node's four threads stays free for files and names.
 */
export const hashing = { atOnce: 3, waiting: 100 };

/** What notify must know of a person to reach them. */
export const Contact = Type.Object(
  {
    userId: Id,
    email: Email,
    name: Type.String(),
    locale: Locale,
    phone: nullable(Type.String()),
    preferences: NotificationPreferences,
  },
  closed,
);
export type Contact = Static<typeof Contact>;

export const userActions = {
  "users.me": action({ summary: "My profile", access: "user", params: NoParams, result: Profile }),
  "users.updateMe": action({
    summary: "Change my name or language",
    access: "user",
    params: Type.Object(
      { name: Type.Optional(line(120)), locale: Type.Optional(Locale) },
      { ...closed, minProperties: 1 },
    ),
    result: Profile,
  }),
  "users.eraseMe": action({
    summary: "Erase my account; orders stay, anonymised",
    access: "user",
    params: NoParams,
    result: Nothing,
  }),
  "users.exportMe": action({
    summary: "Everything that is held about me",
    access: "user",
    params: NoParams,
    result: Type.Object(
      {
        profile: Profile,
        addresses: Type.Array(Address),
        notificationPreferences: NotificationPreferences,
        orders: Type.Array(Type.Unknown()),
        payments: Type.Array(Type.Unknown()),
        notifications: Type.Array(Type.Unknown()),
        orderHistory: Type.Array(Type.Unknown()),
        messages: Type.Array(Type.Unknown({ description: "e-mails and SMS" })),
        sessions: Type.Array(Type.Unknown()),
        auditLog: Type.Array(Type.Unknown({ description: "what I did, and where from" })),
      },
      closed,
    ),
    timeoutMs: 15_000,
  }),
  "users.addresses": action({
    summary: "My addresses, oldest first",
    access: "user",
    params: Type.Object(pageParams, closed),
    result: pageOf(Address),
  }),
  "users.addAddress": action({
    summary: "Add an address",
    access: "user",
    params: NewAddress,
    result: Address,
    refusals: ["TOO_MANY_ADDRESSES"],
  }),
  "users.changeAddress": action({
    summary: "Change an address",
    access: "owner",
    params: AddressChange,
    result: Address,
  }),
  "users.removeAddress": action({ summary: "Remove an address", access: "owner", params: ById, result: Nothing }),
  "users.preferences": action({
    summary: "Which events reach me over which channels",
    access: "user",
    params: NoParams,
    result: NotificationPreferences,
  }),
  "users.setPreferences": action({
    summary: "Replace my notification preferences",
    access: "user",
    params: NotificationPreferences,
    result: NotificationPreferences,
  }),
  "users.list": action({
    summary: "All users, oldest first, or the one with an e-mail address",
    access: "admin",
    params: Type.Object({ email: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })), ...pageParams }, closed),
    result: pageOf(Profile),
  }),
  "users.get": action({ summary: "One user", access: "admin", params: ById, result: Profile }),
  "users.update": action({
    summary: "Change a user's roles or status",
    access: "admin",
    params: Type.Object(
      {
        id: Id,
        roles: Type.Optional(Type.Array(Role, { minItems: 1, maxItems: 3, uniqueItems: true })),
        status: Type.Optional(UserStatus),
      },
      closed,
    ),
    result: Profile,
    refusals: ["LAST_ADMIN"],
  }),

  "users.create": action({
    summary: "Create an account",
    access: "internal",
    params: Type.Object({ email: Email, password: Password, name: line(120), locale: Type.Optional(Locale) }, closed),
    bulkhead: hashing,
    result: Profile,
    refusals: ["EMAIL_TAKEN", "WEAK_PASSWORD"],
  }),
  "users.checkPassword": action({
    summary: "The account behind an e-mail and password, or null",
    access: "internal",
    params: Type.Object({ email: Type.String({ maxLength: 320 }), password: Type.String({ maxLength: 1024 }) }, closed),
    bulkhead: hashing,
    result: nullable(Profile),
  }),
  "users.changePassword": action({
    summary: "Replace a password; the current one must match unless a reset token was checked before",
    access: "internal",
    params: Type.Object(
      { userId: Id, currentPassword: nullable(Type.String({ maxLength: 1024 })), newPassword: Password },
      closed,
    ),
    bulkhead: hashing,
    result: Nothing,
    refusals: ["INVALID_CREDENTIALS", "WEAK_PASSWORD"],
  }),
  "users.byId": action({ summary: "One user, or null", access: "internal", params: ById, result: nullable(Profile) }),
  "users.byEmail": action({
    summary: "One user, or null",
    access: "internal",
    params: Type.Object({ email: Type.String({ maxLength: 320 }) }, closed),
    result: nullable(Profile),
  }),
  "users.address": action({
    summary: "One address of one user, or null",
    access: "internal",
    params: Type.Object({ userId: Id, addressId: Id }, closed),
    result: nullable(Address),
  }),
  "users.contact": action({
    summary: "How to reach a user, or null when the account is erased",
    access: "internal",
    params: ById,
    result: nullable(Contact),
    retryable: true,
  }),
  "users.ensureAdmin": action({
    summary: "Create the first administrator when there is none; true when it was created",
    access: "internal",
    params: Type.Object({ email: Email, password: Password }, closed),
    result: Type.Boolean(),
  }),
};
export type UserActions = TypesOf<typeof userActions>;
