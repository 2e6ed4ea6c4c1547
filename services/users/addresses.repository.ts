import { DataTypes } from "sequelize";
import type { Address, NewAddress } from "../../contracts/users.ts";
import { DomainError, notFound } from "../../lib/errors.ts";
import type { EntityAdapter, EntityModel } from "../../mixins/entity.mixin.ts";
import type { UsersRepository } from "./users.repository.ts";

export interface AddressRow {
  id: string;
  userId: string;
  name: string;
  line1: string;
  line2: string | null;
  city: string;
  region: string | null;
  postalCode: string;
  country: string;
  phone: string | null;
}

const text = { type: DataTypes.STRING, allowNull: false };
const optional = { type: DataTypes.STRING, allowNull: true };

export const addressModel: EntityModel<AddressRow> = {
  name: "Address",
  define: {
    id: { ...text, primaryKey: true },
    userId: text,
    name: text,
    line1: text,
    line2: optional,
    city: text,
    region: optional,
    postalCode: text,
    country: text,
    phone: optional,
  },
  options: { tableName: "addresses" },
};

/** The addresses of users; one of another user is as one that does not exist. */
export interface AddressesRepository {
  ofUser(userId: string): Promise<Address[]>;
  find(userId: string, id: string): Promise<Address | null>;
  /** Whoever has it. */
  exists(id: string): Promise<boolean>;
  add(userId: string, id: string, address: NewAddress): Promise<Address>;
  /** Fields that are left out stay as they are. */
  change(userId: string, id: string, change: Partial<NewAddress>): Promise<Address>;
  remove(userId: string, id: string): Promise<void>;
}

const mostAddresses = 50;

export function addressesRepository(
  adapter: EntityAdapter<AddressRow>,
  users: Pick<UsersRepository, "whileThere">,
): AddressesRepository {
  const ofUser = async (userId: string): Promise<Address[]> => {
    const found = await adapter.find({ query: { userId }, sort: ["id"] });
    return found.map((entity) => toAddress(adapter.entityToObject(entity)));
  };
  const find = async (userId: string, id: string): Promise<Address | null> => {
    const found = await adapter.findOne({ where: { id, userId } });
    return found && toAddress(adapter.entityToObject(found));
  };
  const existing = async (userId: string, id: string): Promise<Address> => {
    const found = await find(userId, id);
    if (!found) throw notFound("address");
    return found;
  };

  return {
    ofUser,
    find,
    exists: async (id) => (await adapter.findOne({ where: { id } })) !== null,
    async add(userId, id, address) {
      const row: AddressRow = { line2: null, region: null, phone: null, ...address, id, userId };
      const added = await users.whileThere(userId, async (transaction) => {
        const count = await adapter.model.count({ where: { userId }, transaction });
        if (count >= mostAddresses) {
          throw new DomainError("conflict", "TOO_MANY_ADDRESSES", `An account has at most ${mostAddresses} addresses.`);
        }
        await adapter.model.create(row, { transaction });
        return toAddress(row);
      });
      if (!added) throw notFound("user");
      return added;
    },
    async change(userId, id, change) {
      await existing(userId, id);
      if (Object.keys(change).length > 0) await adapter.updateMany({ id, userId }, change);
      return existing(userId, id);
    },
    async remove(userId, id) {
      if ((await adapter.removeMany({ id, userId })) === 0) throw notFound("address");
    },
  };
}

function toAddress({ userId: _userId, ...address }: AddressRow): Address {
  return address;
}
