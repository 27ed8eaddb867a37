/** A release of uWebSockets.js as its author makes them: an archive with a binary for each platform at its top. */
import { once } from 'node:events';
import { createReadStream, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { mustRun } from '../../e2e/run.ts';

const { arch, versions } = process;
const BINARIES = [`linux_${arch}_${versions.modules}`, `linux_${arch}_1`, `darwin_${arch}_${versions.modules}`];

/** Returns the path of the archive. */
export async function packRelease(folder: string): Promise<string> {
  const name = 'uWebSockets.js-20.999.0';
  mkdirSync(join(folder, name), { recursive: true });
  const manifest = { name: 'uWebSockets.js', version: '20.999.0', main: 'uws.js' };
  writeFileSync(join(folder, name, 'package.json'), JSON.stringify(manifest));
  for (const binary of BINARIES) writeFileSync(join(folder, name, `uws_${binary}.node`), '');
  await mustRun('tar', ['-czf', 'release.tar.gz', name], { cwd: folder });
  return join(folder, 'release.tar.gz');
}

/** Serves one file under any path. */
export async function serveFile(file: string): Promise<{ readonly url: string; stop(): void }> {
  const server = createServer((_, response) => createReadStream(file).pipe(response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v20.999.0.tar.gz`,
    stop: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
