import { setTimeout as sleep } from 'node:timers/promises';
import type { Unavailable } from '../core/ports.ts';
import type { Notice, Notices } from '../core/shared-ports.ts';
import type { Commands } from './commands.ts';
import { COMMAND_TIMEOUT_MS, type RedisClient } from './connect.ts';
import type { Keys } from './keys.ts';

/** Subscribing again changes nothing where all is well, and finds a connection that has died without a word. */
const CHECK_MS = 2000;
const RETRY_MS = 200;
const LATE = 'late';

/** Pub/sub, on a connection of its own: one that is subscribed takes no other commands. */
export class RedisNotices implements Notices {
  private readonly commands: Commands;
  private readonly channel: string;
  private readonly listeners: ((notice: Notice) => void)[] = [];
  private readonly connect: () => RedisClient;
  private subscriber: RedisClient | null = null;
  private timer: NodeJS.Timeout | undefined;

  /** @param connect opens the subscriber's connection; called with the first listener */
  constructor(commands: Commands, keys: Keys, connect: () => RedisClient) {
    this.commands = commands;
    this.channel = keys.notices;
    this.connect = connect;
  }

  publish(notice: Notice): Promise<{ kind: 'published' } | Unavailable> {
    return this.commands.run(
      'publish',
      () => this.commands.client.publish(this.channel, encodeNotice(notice)),
      () => ({ kind: 'published' }),
    );
  }

  onNotice(listener: (notice: Notice) => void): void {
    this.listeners.push(listener);
    if (this.subscriber !== null) return;
    const subscriber = this.connect();
    this.subscriber = subscriber;
    subscriber.on('message', (_channel: string, text: string) => this.received(text));
    subscriber.on('ready', () => void this.subscribe(subscriber));
    this.check(subscriber, RETRY_MS);
  }

  close(): void {
    clearTimeout(this.timer);
    this.subscriber?.disconnect();
    this.listeners.length = 0;
  }

  private received(text: string): void {
    const notice = decodeNotice(text);
    if (notice !== null) for (const listener of this.listeners) listener(notice);
  }

  private check(subscriber: RedisClient, afterMs: number): void {
    this.timer = setTimeout(async () => {
      const isSubscribed = await this.subscribe(subscriber);
      // Closed meanwhile: there is nobody to tell any more.
      if (this.listeners.length > 0) this.check(subscriber, isSubscribed ? CHECK_MS : RETRY_MS);
    }, afterMs).unref();
  }

  private async subscribe(subscriber: RedisClient): Promise<boolean> {
    try {
      const late = sleep(COMMAND_TIMEOUT_MS, LATE, { ref: false });
      if ((await Promise.race([subscriber.subscribe(this.channel), late])) !== LATE) return true;
      subscriber.disconnect(true);
    } catch {
      // There is no connection now; it is made again by itself, and then `ready` comes.
    }
    return false;
  }
}

export function encodeNotice(notice: Notice): string {
  return JSON.stringify(notice);
}

/** Null for what is no notice. The kinds of newer releases pass: listeners leave out what they do not know. */
function decodeNotice(text: string): Notice | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && 'kind' in value ? (value as Notice) : null;
  } catch {
    return null;
  }
}
