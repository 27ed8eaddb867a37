import { startRedisCluster } from '../kit/redis.ts';
import { contract } from './contract.ts';
import { onRedis } from './implementation.ts';

contract('Redis Cluster', () => onRedis(startRedisCluster));
