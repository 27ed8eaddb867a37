import { startRedis } from '../kit/redis.ts';
import { contract } from './contract.ts';
import { onRedis } from './implementation.ts';

contract('Redis', () => onRedis(startRedis));
