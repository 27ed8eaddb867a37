import type { NodeId } from '@causeway/protocol';
import { Link, type LinkDeps } from './link.ts';

/** The links from this node to all others that it has dealt with, and to itself (for its own probe). */
export class NodeLinks {
  private readonly links = new Map<NodeId, Link>();
  private readonly acked = new Map<Link, number>();
  private readonly deps: LinkDeps;

  constructor(deps: LinkDeps) {
    this.deps = {
      ...deps,
      onGone: (node, messages) => {
        const link = this.links.get(node);
        if (link !== undefined) this.acked.delete(link);
        this.links.delete(node);
        deps.onGone(node, messages);
      },
    };
  }

  to(node: NodeId): Link {
    let link = this.links.get(node);
    if (link === undefined) {
      link = new Link(node, this.deps);
      this.links.set(node, link);
    }
    return link;
  }

  get frames(): number {
    let frames = 0;
    for (const link of this.links.values()) frames += link.frames;
    return frames;
  }

  get unappended(): number {
    let frames = 0;
    for (const link of this.links.values()) frames += link.unappended;
    return frames;
  }

  get bytes(): number {
    let bytes = 0;
    for (const link of this.links.values()) bytes += link.bytes;
    return bytes;
  }

  /** Every second. */
  probe(): void {
    for (const link of this.links.values()) this.acked.set(link, link.probeIfSilent(this.acked.get(link) ?? 0));
  }
}
