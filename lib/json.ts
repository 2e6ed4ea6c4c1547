/** A value as JSON, and how long that is in UTF-8. */
export interface JsonText {
  text: string;
  bytes: number;
}

const written = new WeakMap<object, JsonText>();

const write = (value: object): JsonText => {
  const text = JSON.stringify(value);
  return { text, bytes: Buffer.byteLength(text) };
};

/** Has the JSON of a value written once, however often it is sent from this process. It must not change any more. */
export function writeOnce<T extends object>(value: T): T {
  written.set(Object.freeze(value), write(value));
  return value;
}

export const toJson = (value: object): JsonText => written.get(value) ?? write(value);
