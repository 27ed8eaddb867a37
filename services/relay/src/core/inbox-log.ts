import type { NodeId } from '@causeway/protocol';
import { Deque } from './deque.ts';

/** An entry of this node's inbox that has been read. */
export interface LoggedEntry {
  readonly id: string;
  /** Node that appended it. */
  readonly source: NodeId;
  readonly bytes: number;
  /** Milliseconds since 1970, by the store's clock. */
  readonly appendedAt: number;
  /** Messages of it that have not been settled. */
  unsettled: number;
}

/**
 * The read part of the inbox, in order. What can be trimmed is the longest run of settled entries at its head: an
 * unsettled message keeps its entry, and all behind it, in the stream, where another node finds them if this one dies.
 */
export class InboxLog {
  private readonly entries = new Deque<LoggedEntry>();

  get length(): number {
    return this.entries.length;
  }

  add(entry: LoggedEntry): void {
    this.entries.push(entry);
  }

  /** Takes settled entries off the head; null when there are none. */
  takeSettled(): { upTo: string; bytes: number; entries: number } | null {
    let upTo = '';
    let bytes = 0;
    let entries = 0;
    for (let head = this.entries.peek(); head !== undefined && head.unsettled === 0; head = this.entries.peek()) {
      this.entries.shift();
      upTo = head.id;
      bytes += head.bytes;
      entries += 1;
    }
    return entries === 0 ? null : { upTo, bytes, entries };
  }
}
