import {
  type AccessDocument,
  addEntry,
  NO_ACCESS_LISTS,
  newEntryId,
  parseAccess,
  prune,
  removeEntry,
} from '../access/access-schema.ts';
import type { AccessOperations } from '../admin/operations.ts';
import type { Clock } from '../core/clock.ts';
import { describeProblems, type Problem } from '../core/live-documents.ts';
import type { Unavailable } from '../core/ports.ts';
import type { Documents } from '../core/shared-ports.ts';

/** Two operators may change the lists at the same time; what they change are different entries. */
const MAX_TRIES = 5;

type Change =
  | { readonly kind: 'changed'; readonly document: AccessDocument }
  | { readonly kind: 'done' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

export function accessOperations(documents: Documents, clock: Clock): AccessOperations {
  return {
    async look() {
      const read = await readLists(documents);
      if (read.kind === 'unavailable') return read;
      const { bans, allow, revocations } = prune(read.lists, clock.now());
      return { kind: 'access', version: read.version, lists: { bans, allow, revocations } };
    },
    async add(list, entry, by) {
      const id = newEntryId();
      const reply = await change(documents, { by, note: `${list}: ${id} added` }, (lists) => {
        // An earlier try whose outcome was not known.
        if (lists[list].some((other) => other.id === id)) return { kind: 'done' };
        const added = addEntry(lists, list, entry, clock.now(), id);
        return added.ok ? { kind: 'changed', document: added.document } : { kind: 'invalid', problems: added.problems };
      });
      if (reply.kind === 'missing') throw new Error('an entry that is added cannot be missing');
      return reply.kind === 'changed' ? { ...reply, id } : reply;
    },
    async remove(list, id, by) {
      let tried = false;
      const reply = await change(documents, { by, note: `${list}: ${id} removed` }, (lists) => {
        const document = removeEntry(lists, list, id, clock.now());
        if (document === null) return { kind: tried ? 'done' : 'missing' };
        tried = true;
        return { kind: 'changed', document };
      });
      if (reply.kind === 'invalid') throw new Error('lists without an entry cannot be invalid');
      return reply;
    },
  };
}

async function readLists(
  documents: Documents,
): Promise<{ kind: 'lists'; lists: AccessDocument; version: number } | Unavailable> {
  const reply = await documents.read('access');
  if (reply.kind === 'unavailable') return reply;
  if (reply.document === null) return { kind: 'lists', lists: NO_ACCESS_LISTS, version: 0 };
  const parsed = parseAccess(reply.document.text);
  if (!parsed.ok) throw new Error(`the access lists cannot be read: ${describeProblems(parsed.problems).join('; ')}`);
  return { kind: 'lists', lists: parsed.document, version: reply.document.version };
}

/** Writes what `edit` makes of the lists; again, when others have changed them meanwhile. */
async function change(
  documents: Documents,
  who: { readonly by: string; readonly note: string },
  edit: (lists: AccessDocument) => Change,
): Promise<
  | Exclude<Change, { kind: 'changed' | 'done' }>
  | { kind: 'changed'; version: number }
  | { kind: 'conflict'; version: number }
  | Unavailable
> {
  let conflict = { kind: 'conflict' as const, version: 0 };
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const read = await readLists(documents);
    if (read.kind === 'unavailable') return read;
    const edited = edit(read.lists);
    if (edited.kind === 'done') return { kind: 'changed', version: read.version };
    if (edited.kind !== 'changed') return edited;
    const written = await documents.write('access', read.version, { ...who, text: JSON.stringify(edited.document) });
    if (written.kind === 'written') return { kind: 'changed', version: written.document.version };
    if (written.kind === 'unavailable') return written;
    conflict = written;
  }
  return conflict;
}
