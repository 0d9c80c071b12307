// Files that are being sent are kept in the browser's own database, so that a
// reload or a crash does not lose them. Where it is switched off, or has no
// room, a file has to be chosen again.

export interface Kept {
  key: string;
  person: string;
  place: string;
  id: string;
  name: string;
  size: number;
  type: string;
  file: File | null;
}

const store = "uploads";
const mostKept = 1 << 29; // bytes of one file of which a copy is kept

function open(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const asked = indexedDB.open("godwit-files", 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(store, { keyPath: "key" });
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error ?? new Error("indexedDB"));
  });
}

async function ask<T>(mode: IDBTransactionMode, what: (s: IDBObjectStore) => IDBRequest<T>): Promise<T | undefined> {
  try {
    const db = await open();
    try {
      return await new Promise<T>((done, failed) => {
        const t = db.transaction(store, mode);
        const asked = what(t.objectStore(store));
        t.oncomplete = () => done(asked.result);
        t.onerror = t.onabort = () => failed(t.error ?? new Error("indexedDB"));
      });
    } finally {
      db.close();
    }
  } catch {
    return undefined;
  }
}

export async function keepFile(k: Kept): Promise<void> {
  const whole = k.size <= mostKept ? k : { ...k, file: null };
  if ((await ask("readwrite", (s) => s.put(whole))) === undefined && whole.file) {
    await ask("readwrite", (s) => s.put({ ...k, file: null }));
  }
}

export const dropFile = (key: string) => ask("readwrite", (s) => s.delete(key));
export const dropFiles = () => ask("readwrite", (s) => s.clear());

export async function keptFiles(person: string): Promise<Kept[]> {
  const all = (await ask("readonly", (s) => s.getAll() as IDBRequest<Kept[]>)) ?? [];
  return all.filter((k) => k.person === person);
}
