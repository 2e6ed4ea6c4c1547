const texts = new WeakMap<object, string>();

/** Has the JSON of a value written once, however often it is sent from this process. It must not change any more. */
export function writeOnce<T extends object>(value: T): T {
  texts.set(Object.freeze(value), JSON.stringify(value));
  return value;
}

export const toJsonText = (value: object): string => texts.get(value) ?? JSON.stringify(value);
