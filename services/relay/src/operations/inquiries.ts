import { randomUUID } from 'node:crypto';
import type { NodeId } from '@causeway/protocol';
import type { Timers } from '../core/clock.ts';
import type { Question, QuestionReply } from '../core/inspection-ports.ts';
import type { Notice, Notices } from '../core/shared-ports.ts';

/** The answer may be on its way for so long; who asks waits no longer. */
const ANSWER_MS = 1000;

export interface InquiriesDeps {
  readonly notices: Notices;
  readonly timers: Timers;
  readonly self: () => NodeId;
  /** What this node says. */
  readonly answer: (question: Question) => Promise<QuestionReply>;
}

/** Questions to single nodes, and their answers, as notices: at most once, so there may be none. */
export class Inquiries {
  private readonly deps: InquiriesDeps;
  private readonly waiting = new Map<string, (reply: QuestionReply) => void>();

  constructor(deps: InquiriesDeps) {
    this.deps = deps;
  }

  /** Null: no answer came within a second. This node answers itself without a notice. */
  async ask(node: NodeId, question: Question): Promise<QuestionReply | null> {
    const { notices, timers, self, answer } = this.deps;
    if (node === self()) return answer(question);
    const id = randomUUID();
    const reply = new Promise<QuestionReply | null>((resolve) => {
      const cancel = timers.after(ANSWER_MS, () => resolve(null));
      this.waiting.set(id, (told) => {
        cancel();
        resolve(told);
      });
    }).finally(() => this.waiting.delete(id));
    await notices.publish({ kind: 'ask', node, id, question });
    return reply;
  }

  async heard(notice: Extract<Notice, { kind: 'ask' | 'told' }>): Promise<void> {
    if (notice.kind === 'told') return this.waiting.get(notice.id)?.(notice.reply);
    const { notices, self, answer } = this.deps;
    if (notice.node !== self()) return;
    await notices.publish({ kind: 'told', id: notice.id, reply: await answer(notice.question) });
  }
}
