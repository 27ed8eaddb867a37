import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { USAGE_FIELDS } from '../core/shared-ports.ts';
import type { RedisClient } from './connect.ts';

const MAILBOX = ['mbox', 'meta', 'count', 'bytes', 'index'] as const;
const NODE = ['state', 'inbox', 'links', 'tunnels'] as const;

/**
 * Every script: its file (`lua/<file>.lua`), its keys, its arguments, and the arguments that may repeat. The header of
 * the file says the same; a test compares them.
 */
export const SCRIPTS = {
  register: {
    file: 'register',
    keys: [...MAILBOX, 'loc', 'watch'],
    args: ['node', 'connection', 'resume', 'attempt', 'sticky', 'ttlMs', 'limits', 'mailboxTtlMs', 'reclaims'],
    rest: [],
  },
  refresh: { file: 'refresh', keys: ['loc'], args: ['node', 'epoch', 'ttlMs'], rest: [] },
  locateOrStore: {
    file: 'locate_or_store',
    keys: [...MAILBOX, 'loc'],
    args: ['writer', 'sequence', 'capMessages', 'capBytes', 'ttlMs'],
    rest: ['from', 'data'],
  },
  mailboxAppend: {
    file: 'mailbox_append',
    keys: [...MAILBOX, 'loc', 'watch'],
    args: ['node', 'epoch', 'writer', 'sequence', 'capMessages', 'capBytes', 'ttlMs', 'final', 'seen'],
    rest: ['from', 'data'],
  },
  mailboxRead: { file: 'mailbox_read', keys: [...MAILBOX], args: ['after', 'count', 'bytes', 'ttlMs'], rest: [] },
  mailboxRemove: { file: 'mailbox_remove', keys: [...MAILBOX], args: [], rest: ['id'] },
  peerLook: { file: 'peer_look', keys: [...MAILBOX, 'loc'], args: ['mailboxTtlMs'], rest: [] },
  peerPurge: { file: 'peer_purge', keys: [...MAILBOX], args: ['upTo', 'count'], rest: [] },
  peerErase: { file: 'peer_erase', keys: [...MAILBOX, 'loc', 'bucket'], args: ['count'], rest: [] },
  foreignPut: {
    file: 'foreign_put',
    keys: ['foreign', 'loc'],
    args: ['holder', 'epoch', 'ttlMs', 'data'],
    rest: [],
  },
  foreignGet: { file: 'foreign_get', keys: ['foreign', 'loc'], args: [], rest: [] },
  foreignDelete: { file: 'foreign_delete', keys: ['foreign'], args: ['epoch'], rest: [] },
  bucketLease: {
    file: 'bucket_lease',
    keys: ['bucket'],
    args: [
      ...['node', 'sequence', 'version', 'keepMs', 'weight'],
      ...['rateMessages', 'burstMessages', 'giveMessages', 'wantMessages'],
      ...['rateBytes', 'burstBytes', 'giveBytes', 'wantBytes'],
    ],
    rest: [],
  },
  bucketHold: {
    file: 'bucket_hold',
    keys: ['bucket'],
    args: ['holder', 'rateMessages', 'burstMessages', 'rateBytes', 'burstBytes'],
    rest: [],
  },
  bucketGiveBack: {
    file: 'bucket_give_back',
    keys: ['bucket'],
    args: ['holder', ...['rateMessages', 'burstMessages', 'leftMessages'], ...['rateBytes', 'burstBytes', 'leftBytes']],
    rest: [],
  },
  ledgerUpdate: {
    file: 'ledger_update',
    keys: ['stored'],
    args: ['oldestSlice', 'keepMs'],
    rest: ['slice', 'messages', 'bytes'],
  },
  linkAppend: {
    file: 'link_append',
    keys: ['state', 'inbox', 'links'],
    args: ['from', 'first', 'last', 'acked', 'exempt', 'inboxBytes', 'envelope'],
    rest: [],
  },
  inboxOpen: { file: 'inbox_open', keys: ['state'], args: ['open'], rest: [] },
  inboxClose: { file: 'inbox_close', keys: ['state', 'inbox'], args: ['closing'], rest: [] },
  inboxTrim: { file: 'inbox_trim', keys: ['state', 'inbox'], args: ['minId', 'bytes'], rest: [] },
  inboxRemove: { file: 'inbox_remove', keys: [...NODE], args: ['keepMs'], rest: [] },
  tunnelAccount: {
    file: 'tunnel_account',
    keys: ['state', 'tunnels'],
    args: ['bytes', 'maxBytes', 'keepMs'],
    rest: [],
  },
  tunnelTrim: { file: 'tunnel_trim', keys: ['state', 'tunnels'], args: ['minId', 'bytes', 'keepMs'], rest: [] },
  reapTake: { file: 'reap_take', keys: ['state', 'tunnels'], args: ['reaper', 'holdMs'], rest: [] },
  reapFinish: { file: 'reap_finish', keys: [...NODE], args: ['token', 'keepMs'], rest: [] },
  watch: { file: 'watch', keys: ['watch', 'loc'], args: ['node', 'ttlMs'], rest: [] },
  nodeRenew: {
    file: 'node_renew',
    keys: ['nodes'],
    args: ['node', 'region', 'url', 'connections', 'state', 'leaseMs', 'v', 'release'],
    rest: [],
  },
  nodeDeclareDead: { file: 'node_declare_dead', keys: ['nodes'], args: ['dead', 'by', 'leaseMs'], rest: [] },
  nodeBury: { file: 'node_bury', keys: ['nodes'], args: ['dead'], rest: [] },
  documentWrite: {
    file: 'document_write',
    keys: ['documents', 'history', 'notices'],
    args: ['name', 'expected', 'text', 'by', 'note', 'keep', 'notice'],
    rest: [],
  },
  nodeLeave: { file: 'node_leave', keys: ['nodes'], args: ['node'], rest: [] },
  tallyClaim: { file: 'tally_claim', keys: ['tally'], args: ['node', 'amount', 'cap', 'ttlMs'], rest: [] },
  tallyReport: { file: 'tally_report', keys: ['tally'], args: ['node', 'amount', 'ttlMs'], rest: [] },
  reservationBook: { file: 'reservation_book', keys: ['reservations'], args: ['peer', 'ttlMs', 'cap'], rest: [] },
  roomOpen: {
    file: 'room_open',
    keys: ['rooms', 'until'],
    args: ['owner', 'ref', 'ttlMs', 'cap'],
    rest: ['candidate'],
  },
  roomTake: { file: 'room_take', keys: ['rooms', 'until'], args: ['code'], rest: [] },
  roomPutBack: { file: 'room_put_back', keys: ['rooms', 'until'], args: ['code', 'end', 'ref', 'owner'], rest: [] },
  usageAdd: {
    file: 'usage_add',
    keys: ['hour', 'peers'],
    args: ['node', 'sequence', 'keepMs', ...USAGE_FIELDS],
    rest: ['peer', 'amounts'],
  },
  usageList: { file: 'usage_list', keys: ['realms'], args: ['realm', 'keepMs'], rest: [] },
  usageRead: { file: 'usage_read', keys: ['hour', 'peers'], args: ['byPeer'], rest: [] },
  usageSnapshot: { file: 'usage_snapshot', keys: ['top'], args: ['node', 'ttlMs', 'text'], rest: [] },
  usageTop: { file: 'usage_top', keys: ['top'], args: [], rest: [] },
} as const;

export type ScriptName = keyof typeof SCRIPTS;
export type Arg = string | number | Buffer;
type Each<Names extends readonly string[], Value> = { readonly [Index in keyof Names]: Value };
export type ScriptKeys<Name extends ScriptName> = Each<(typeof SCRIPTS)[Name]['keys'], string>;
export type ScriptArgs<Name extends ScriptName> = (typeof SCRIPTS)[Name]['rest'] extends readonly []
  ? Each<(typeof SCRIPTS)[Name]['args'], Arg>
  : readonly [...Each<(typeof SCRIPTS)[Name]['args'], Arg>, ...Arg[]];

const FOLDER = new URL('./lua/', import.meta.url);
const INCLUDE = /^-- include: (.+)$/m;
const FLAGS = /^-- flags: (.+)$/m;

/**
 * The text of a script with the parts that its header includes in front. Its first line makes Redis check before it
 * runs, and not in its midst, that memory and replicas suffice and that it stays in one slot. What frees memory or
 * keeps a lease has the flag `allow-oom`: it must go on when the memory is used up.
 */
export function loadScript(file: string): string {
  const body = readFileSync(new URL(`${file}.lua`, FOLDER), 'utf8');
  const parts = INCLUDE.exec(body)?.[1]?.split(', ') ?? [];
  const flags = FLAGS.exec(body)?.[1];
  const shebang = flags === undefined ? '#!lua' : `#!lua flags=${flags}`;
  return [shebang, ...parts.map((part) => readFileSync(new URL(`lib/${part}.lua`, FOLDER), 'utf8')), body].join('\n');
}

/** A script as EVALSHA and SCRIPT LOAD take it. */
export interface ScriptText {
  readonly lua: string;
  readonly sha: string;
}

export function scriptText(name: ScriptName): ScriptText {
  const lua = loadScript(SCRIPTS[name].file);
  return { lua, sha: createHash('sha1').update(lua).digest('hex') };
}

/** Defines every script as a command of the client, under its name in `SCRIPTS`. */
export function defineScripts(client: RedisClient): void {
  for (const [name, { file, keys }] of Object.entries(SCRIPTS)) {
    client.defineCommand(name, { lua: loadScript(file), numberOfKeys: keys.length });
  }
}
