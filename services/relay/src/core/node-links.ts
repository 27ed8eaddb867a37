import type { NodeId } from '@causeway/protocol';
import { Link, type LinkDeps } from './link.ts';
import { NodeFrame } from './node-frames.ts';

/** The links from this node to all others that it has dealt with, and to itself (for its own probe). */
export class NodeLinks {
  private readonly links = new Map<NodeId, Link>();
  private readonly acked = new Map<Link, number>();
  private readonly deps: LinkDeps;
  private stopped = false;

  constructor(deps: LinkDeps) {
    this.deps = {
      ...deps,
      onGone: (node, forgotten) => {
        const link = this.links.get(node);
        if (link !== undefined) this.acked.delete(link);
        this.links.delete(node);
        deps.onGone(node, forgotten);
      },
    };
  }

  to(node: NodeId): Link {
    let link = this.links.get(node);
    if (link === undefined) {
      link = new Link(node, this.deps);
      this.links.set(node, link);
      if (this.stopped) link.stop();
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

  /** The last frame for each of the nodes that this one has a link to. */
  lasts(): Map<NodeId, number> {
    return new Map([...this.links].map(([node, link]) => [node, link.last]));
  }

  /** Whether each node that is not dead has read its frames up to the given one; asks those that have not. */
  areRead(given: Map<NodeId, number>, isDead: (node: NodeId) => boolean): boolean {
    for (const [node, last] of given) {
      const link = this.links.get(node);
      if (link === undefined || link.hasRead(last) || isDead(node)) given.delete(node);
      else link.signal(NodeFrame.probe);
    }
    return given.size === 0;
  }

  /** Nothing is sent any more, and nothing heard of. */
  stop(): void {
    this.stopped = true;
    for (const link of this.links.values()) link.stop();
  }

  /** What `bytes` should be, counted anew. */
  get frameBytes(): number {
    let bytes = 0;
    for (const link of this.links.values()) bytes += link.frameBytes;
    return bytes;
  }

  /** Every second. */
  probe(): void {
    for (const link of this.links.values()) this.acked.set(link, link.probeIfSilent(this.acked.get(link) ?? 0));
  }
}
