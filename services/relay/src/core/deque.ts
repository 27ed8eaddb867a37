/** A first-in first-out queue on a ring; constant time at both ends, and no memory while it was never used. */
export class Deque<T> {
  private items: (T | undefined)[] = EMPTY as T[];
  private head = 0;
  length = 0;

  push(item: T): void {
    if (this.length === this.items.length) this.grow();
    this.items[(this.head + this.length) & (this.items.length - 1)] = item;
    this.length += 1;
  }

  unshift(item: T): void {
    if (this.length === this.items.length) this.grow();
    this.head = (this.head - 1) & (this.items.length - 1);
    this.items[this.head] = item;
    this.length += 1;
  }

  peek(): T | undefined {
    return this.length === 0 ? undefined : this.items[this.head];
  }

  at(index: number): T | undefined {
    return index >= this.length ? undefined : this.items[(this.head + index) & (this.items.length - 1)];
  }

  shift(): T | undefined {
    if (this.length === 0) return undefined;
    const item = this.items[this.head];
    this.items[this.head] = undefined;
    this.head = (this.head + 1) & (this.items.length - 1);
    this.length -= 1;
    return item;
  }

  clear(): void {
    this.items = EMPTY as T[];
    this.head = 0;
    this.length = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (let i = 0; i < this.length; i += 1) yield this.at(i) as T;
  }

  private grow(): void {
    const size = Math.max(8, this.items.length * 2);
    const items = new Array<T | undefined>(size);
    for (let i = 0; i < this.length; i += 1) items[i] = this.at(i);
    this.items = items;
    this.head = 0;
  }
}

const EMPTY: never[] = [];
