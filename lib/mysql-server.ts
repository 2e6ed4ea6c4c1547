import { toDatabaseError } from "./database-errors.ts";

// What is asked of a MySQL or MariaDB server before a service has its database there.

/** `{service}` in the user and the password stands for the service: each can have a user that sees its own database alone. */
export const urlFor = (service: string, url: string): string => url.replace(/(?:\{|%7B)service(?:\}|%7D)/gi, service);

/** Makes the database where it is missing and the user may. */
export async function createDatabase(url: string, name: string): Promise<void> {
  const connection = await connectToServer(url).catch((error: unknown) => {
    throw toDatabaseError(error);
  });
  try {
    await connection.query(`CREATE DATABASE IF NOT EXISTS \`${name}\` CHARACTER SET utf8mb4 COLLATE utf8mb4_bin`);
  } catch (error) {
    // a user that may not create databases was given one by the operator
    const code = (error as { code?: string }).code;
    if (code !== "ER_DBACCESS_DENIED_ERROR" && code !== "ER_ACCESS_DENIED_ERROR") throw error;
  } finally {
    connection.destroy();
  }
}

async function connectToServer(url: string) {
  const { createConnection } = await import("mysql2/promise");
  const { hostname, port, username, password } = new URL(url);
  return createConnection({
    host: hostname,
    port: port === "" ? 3306 : Number(port),
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    connectTimeout: 5_000,
  });
}
