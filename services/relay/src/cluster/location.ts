import type { NodeId } from '@causeway/protocol';
import type { Location } from '../core/ports.ts';
import { list, number, type Reply, text } from './commands.ts';

/** Reads a node and its epoch; empty texts stand for none. */
export function readLocation(node: Reply | undefined, epoch: Reply | undefined): Location | null {
  const name = text(node);
  return name === '' ? null : { node: name as NodeId, epoch: number(epoch) };
}

/** Reads `{node, epoch, ...}`. */
export function readLocations(reply: Reply | undefined): Location[] {
  const flat = list(reply);
  const locations: Location[] = [];
  for (let at = 0; at < flat.length; at += 2) {
    locations.push({ node: text(flat[at]) as NodeId, epoch: number(flat[at + 1]) });
  }
  return locations;
}

export function readNodes(reply: Reply | undefined): NodeId[] {
  return list(reply).map((node) => text(node) as NodeId);
}
