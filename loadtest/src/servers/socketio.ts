/** Socket.IO with its Redis Streams adapter, as its documentation sets it up: one room for each peer, WebSocket only. */
import { createAdapter } from '@socket.io/redis-streams-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

const [port, redisUrl] = [Number(process.argv[2]), String(process.argv[3])];
const io = new Server({ adapter: createAdapter(new Redis(redisUrl)), transports: ['websocket'], serveClient: false });

io.on('connection', (socket) => {
  socket.join(String(socket.handshake.auth.name));
  socket.on('m', (to: string, payload: Buffer) => {
    io.to(to).emit('m', payload);
  });
});

io.listen(port);
io.httpServer.on('listening', () => console.log('listening'));
