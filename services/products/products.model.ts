import { DataTypes } from "sequelize";
import type { EntityModel } from "../../mixins/entity.mixin.ts";
import type { ProductState } from "./product.ts";

/** A row of the table; integers of MySQL may come as strings. */
export interface ProductRow {
  id: string;
  sku: string;
  name: string;
  sort_name: string;
  description: string;
  search_text: string;
  price_cents: number | string;
  currency: string;
  status: ProductState["status"];
  created_at: number | string;
  updated_at: number | string;
}

// a new object for each column: Sequelize writes into them
const text = () => ({ type: DataTypes.STRING, allowNull: false });
const longText = () => ({ type: DataTypes.TEXT, allowNull: false });
const integer = () => ({ type: DataTypes.BIGINT, allowNull: false });

export const productModel: EntityModel<ProductRow> = {
  name: "product",
  define: {
    id: { ...text(), primaryKey: true },
    sku: text(),
    name: text(),
    sort_name: text(),
    description: longText(),
    search_text: longText(),
    price_cents: integer(),
    currency: text(),
    status: text(),
    created_at: integer(),
    updated_at: integer(),
  },
  options: { tableName: "products" },
};
