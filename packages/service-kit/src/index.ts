export * from './config.ts';
export * from './exit-codes.ts';
export * from './lifecycle.ts';
export * from './listen.ts';
export * from './logger.ts';
export * from './schemas.ts';
export * from './signals.ts';
export * from './tracing.ts';
