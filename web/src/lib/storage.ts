/** What this browser remembers. Private windows may refuse to: then it is remembered until the page is closed. */
const memory = new Map<string, string>();

export function recall<T>(name: string): T | null {
  try {
    const text = localStorage.getItem(name) ?? memory.get(name);
    return text === undefined ? null : (JSON.parse(text) as T);
  } catch {
    // written by an older version, or not by us
    return null;
  }
}

export function remember(name: string, value: unknown): void {
  const text = JSON.stringify(value);
  try {
    localStorage.setItem(name, text);
  } catch {
    memory.set(name, text);
  }
}

export function forget(name: string): void {
  memory.delete(name);
  try {
    localStorage.removeItem(name);
  } catch {
    // nothing was kept there
  }
}

/** Calls back when another tab has changed what is remembered under this name. */
export function onRememberedElsewhere(name: string, changed: () => void): void {
  addEventListener("storage", ({ key }) => {
    if (key === name || key === null) changed();
  });
}
