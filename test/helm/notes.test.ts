import { cpSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CHART, describeChart, one, render } from './chart.ts';

/** `helm template` leaves the notes out, so in a copy of the chart they are a text in a manifest. */
const AS_MANIFEST = 'kind: Notes\ntext: {{ tpl (.Files.Get "notes.txt") . | quote }}\n';
const REDIS = { redisUrl: 'redis://redis:6379' };

const chart = mkdtempSync(join(tmpdir(), 'causeway-notes-'));

async function notes(values: object): Promise<string> {
  return one(await render({ chart, values }), 'Notes').text;
}

describeChart('the notes after an installation', () => {
  beforeAll(() => {
    cpSync(CHART, chart, { recursive: true, dereference: true });
    renameSync(join(chart, 'templates/NOTES.txt'), join(chart, 'notes.txt'));
    writeFileSync(join(chart, 'templates/notes.yaml'), AS_MANIFEST);
  });

  afterAll(() => rmSync(chart, { recursive: true }));

  it.each([
    [{}, ['ONE RELAY BY ITSELF', 'ws://causeway.relays.svc:7070', 'The admin API is off', 'helm test --namespace']],
    [{ redis: { bundled: { enabled: true } } }, ['BUNDLED REDIS IS FOR TRYING OUT']],
    [{ config: { ...REDIS, publicUrl: 'wss://relay.example.com' } }, ['wss://relay.example.com']],
    [{ config: { auth: 'token', tokenJwksUrl: 'https://id.example.com' } }, ['needs a token for each of two peers']],
    [{ allowOpen: true, service: { type: 'LoadBalancer' } }, ['ANYONE MAY TAKE ANY PEER ID']],
  ])('say with %j what there is to know', async (values, said) => {
    const text = await notes({ ...values });
    for (const sentence of said) expect(text).toContain(sentence);
  });

  it('warn of nothing when all is well', async () => {
    const text = await notes({ config: { ...REDIS, auth: 'key' }, secrets: { adminTokens: { name: 'admin' } } });
    expect(text).not.toMatch(/[A-Z]{3,}|is off/);
  });
});
