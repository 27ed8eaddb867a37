import { DOCUMENTS, type DocumentName, type Documents, type DocumentVersion } from '../core/shared-ports.ts';
import { type EmbeddedCluster, tell } from './cluster.ts';

export class EmbeddedDocuments implements Documents {
  private readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }

  async read(name: DocumentName): Promise<{ kind: 'document'; document: DocumentVersion | null }> {
    return { kind: 'document', document: this.versionsOf(name)[0] ?? null };
  }

  async write(
    name: DocumentName,
    expected: number,
    { text, by, note }: Pick<DocumentVersion, 'text' | 'by' | 'note'>,
  ): Promise<{ kind: 'written'; document: DocumentVersion } | { kind: 'conflict'; version: number }> {
    const earlier = this.versionsOf(name);
    const present = earlier[0]?.version ?? 0;
    if (present !== expected) return { kind: 'conflict', version: present };
    const document = { version: present + 1, text, by, note, at: this.cluster.now() };
    this.cluster.documents.set(name, [document, ...earlier.slice(0, DOCUMENTS[name].history)]);
    tell(this.cluster, { kind: 'changed', name, version: document.version });
    return { kind: 'written', document };
  }

  async history(
    name: DocumentName,
    skip: number,
    count: number,
  ): Promise<{ kind: 'history'; versions: readonly DocumentVersion[] }> {
    return { kind: 'history', versions: this.versionsOf(name).slice(skip, skip + count) };
  }

  async versions(): Promise<{ kind: 'versions'; versions: Readonly<Record<DocumentName, number>> }> {
    const version = (name: DocumentName) => this.versionsOf(name)[0]?.version ?? 0;
    return { kind: 'versions', versions: { policy: version('policy'), access: version('access') } };
  }

  private versionsOf(name: DocumentName): readonly DocumentVersion[] {
    return this.cluster.documents.get(name) ?? [];
  }
}
