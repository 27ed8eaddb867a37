import type { WireName } from '../job.ts';
import { bare } from './bare.ts';
import { causeway } from './causeway.ts';
import { socketio } from './socketio.ts';
import type { Wire } from './wire.ts';

export const wires: Readonly<Record<WireName, Wire>> = { bare, causeway, socketio };
