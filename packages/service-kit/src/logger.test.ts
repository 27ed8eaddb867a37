import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

test('one line of JSON for each record from the level on, with service and node', () => {
  const lines: string[] = [];
  const logger = createLogger({ service: 'relay', node: 'n1', level: 'warn' }, { write: (line) => lines.push(line) });
  logger.info('left out');
  logger.error({ event: 'listening', err: new Error('why') }, 'message');
  expect(lines).toHaveLength(1);
  const record = JSON.parse(lines[0] as string);
  expect(Object.keys(record)).toEqual(['level', 'time', 'service', 'node', 'event', 'err', 'msg']);
  expect(record).toMatchObject({ level: 'error', service: 'relay', node: 'n1', event: 'listening', msg: 'message' });
  expect(record.err).toMatchObject({ type: 'Error', message: 'why' });
  expect(Number.isNaN(Date.parse(record.time))).toBe(false);
});
