import { startSentinel } from '../kit/redis.ts';
import { contract } from './contract.ts';
import { onRedis } from './implementation.ts';

contract('Redis with Sentinel', () => onRedis(startSentinel));
