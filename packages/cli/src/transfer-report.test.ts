import { describe, expect, it } from 'vitest';
import { type ReportOutput, TransferReport } from './transfer-report.ts';

const file = (name: string, size: number) => ({ path: [name], folder: false, size, executable: false });

function reporting(style: ReportOutput['style']) {
  const shown: string[] = [];
  const records: unknown[] = [];
  let now = 0;
  const report = new TransferReport({
    style,
    verb: 'sent',
    columns: () => 80,
    stderr: (text) => shown.push(text),
    record: (record) => records.push(record),
    now: () => now,
  });
  report.entries = [file('a', 4000), file('b', 1000)];
  return { report, shown, records, after: (ms: number) => (now += ms) };
}

describe('TransferReport', () => {
  it('draws a bar over itself, and leaves a clean line for others', () => {
    const { report, shown, after } = reporting('bar');
    report.events.onStart(new Map([[0, 1000]]));
    report.events.onGot(0, 2000);
    after(50);
    report.events.onGot(0, 2500);
    after(1000);
    report.events.onGot(0, 4000);
    report.events.onSaved(0);
    report.end();
    expect(shown).toEqual([
      '\r\u001b[Ka  [############------------]   50 %  2 KB of 4 KB',
      '\r\u001b[Ka  [########################]  100 %  4 KB of 4 KB  2.86 KB/s',
      '\r\u001b[K',
      'causeway: sent a, 4 KB\n',
    ]);
  });

  it('prints a line now and then where there is no terminal', () => {
    const { report, shown, after } = reporting('lines');
    report.events.onStart(new Map([[0, 0]]));
    for (let bytes = 1000; bytes <= 4000; bytes += 1000) {
      report.events.onGot(0, bytes);
      after(6000);
    }
    report.done({});
    expect(shown).toEqual(['causeway: a   75 %  3 KB of 4 KB  167 B/s  6 s left\n', 'causeway: done: 0 files, 4 KB\n']);
  });

  it('tells programs what there is, over all streams', () => {
    const { report, records, after } = reporting('json');
    report.events.onStart(
      new Map([
        [0, 0],
        [1, 0],
      ]),
    );
    report.events.onGot(0, 4000);
    report.events.onSaved(0);
    report.losses.onLost('gone');
    report.losses.onResumed();
    report.events.onStart(new Map([[1, 500]]));
    expect(report.losses.progress()).toBe(4500);
    after(1000);
    report.events.onGot(1, 1000);
    report.events.onSaved(1);
    report.done({ sent: 5100 });
    report.failed({ exitCode: 1, message: 'no' });
    expect(records).toEqual([
      { type: 'progress', bytes: 4000, total: 5000, perSecond: null },
      { type: 'file', path: 'a', bytes: 4000 },
      { type: 'lost', reason: 'gone' },
      { type: 'resumed' },
      { type: 'progress', bytes: 5000, total: 5000, perSecond: 5000 },
      { type: 'file', path: 'b', bytes: 1000 },
      { type: 'done', files: 2, bytes: 5000, sent: 5100 },
      { type: 'error', exitCode: 1, message: 'no' },
    ]);
  });
});
