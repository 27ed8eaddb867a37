/** Takes what relays send by OTLP, as a collector would, and does nothing with it; `GET` tells how many requests came. */
import { createServer } from 'node:http';

let requests = 0;

const server = createServer((request, response) => {
  if (request.method === 'GET') {
    response.end(String(requests));
    return;
  }
  request.resume().on('end', () => {
    requests += 1;
    response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
});

server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
